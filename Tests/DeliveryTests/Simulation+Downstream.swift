import Delivery
import Messages

extension Simulation {
    // MARK: - Sink

    private func order(_ session: SessionID) -> OrderBuffer<FrameHeader> {
        orders[session]
            ?? OrderBuffer(
                next: SequenceNumber(UInt64(store[session]?.headers.count ?? 0)),
                isEnded: store[session]?.ended ?? false)
    }

    mutating func arriveAtSink(_ header: FrameHeader) {
        let session = header.session
        var order = order(session)
        let arrival =
            header.isEnd ? order.acceptEnd(frameCount: header.sequence) : order.accept(header.sequence, header)
        if arrival == .inOrder {
            if !header.isEnd { uncommitted.append(header) }
            while let held = order.takeNext() { uncommitted.append(held) }
            schedule(.commit(generation: sinkGeneration), in: random.duration(upTo: .milliseconds(10)))
        }
        orders[session] = order
        switch arrival {
        case .duplicate: acknowledge(session)
        case .refused(let why): violation = "the sink refused \(header.sequence): \(why)"
        case .inOrder, .held: break
        }
    }

    mutating func commit() {
        var touched: [SessionID] = []
        for header in uncommitted {
            store[header.session, default: Stored()].headers.append(header)
            if touched.last != header.session { touched.append(header.session) }
        }
        uncommitted = []
        for session in born where orders[session]?.takeEnd() == true {
            store[session, default: Stored()].ended = true
            touched.append(session)
        }
        for session in touched { acknowledge(session) }
    }

    mutating func crashSink() {
        uncommitted = []
        sinkGeneration += 1
        orders = [:]
        if weather.noticesCrashes {
            for session in live {
                resends += windows[session]!.resendAll()
            }
        }
        for session in live { acknowledge(session) }
    }

    mutating func acknowledge(_ session: SessionID) {
        let stored = store[session]
        transmit(
            .toIngest(
                Acknowledgement(
                    session: session, next: SequenceNumber(UInt64(stored?.headers.count ?? 0)),
                    ended: stored?.ended ?? false,
                    sessionState: stored?.headers.last { !$0.sessionState.isEmpty }?.sessionState ?? []),
                generation: ingestGeneration))
    }
}
