internal import Delivery
internal import Logging
internal import Messages
internal import Stage
internal import Store
internal import ZeroMQ

extension SinkLoop {
    /// Takes one message from infer into the batch, or into the order buffer where earlier ones are missing.
    func take(_ message: Received, _ now: Timestamp, _ instant: ContinuousClock.Instant) {
        internalCounters.received += 1
        do {
            switch try Intake(message, at: now, keepingPicture: configuration.frameBytes != nil) {
            case .outcome(let pending): try take(pending, instant)
            case .end(let header): try take(end: header, instant)
            }
        } catch let error as WireError {
            refuse(.init(error), error.description, of: nil)
        } catch let error as StoreError {
            // The session could not be looked up. Ingest sends the outcome again.
            enterTrouble(error)
        } catch {
            preconditionFailure("intake throws WireError and StoreError only: \(error)")
        }
    }

    private func take(_ pending: PendingOutcome, _ instant: ContinuousClock.Instant) throws(StoreError) {
        let session = try session(of: pending.frame, at: instant)
        switch session.order.accept(pending.frame.sequence, pending) {
        case .inOrder:
            batch.append(.outcome(pending, session))
            while let next = session.order.takeNext() { batch.append(.outcome(next, session)) }
            // An end that came early is complete now.
            if session.order.takeEnd() { batch.append(.end(end(of: session, pending.frame), session)) }
        case let arrival:
            settle(arrival, pending.frame, session)
        }
    }

    private func take(end header: FrameHeader, _ instant: ContinuousClock.Instant) throws(StoreError) {
        let session = try session(of: header, at: instant)
        switch session.order.acceptEnd(frameCount: header.sequence) {
        case .inOrder: if session.order.takeEnd() { batch.append(.end(header, session)) }
        case let arrival: settle(arrival, header, session)
        }
    }

    /// The session of which something has come.
    private func session(
        of header: FrameHeader, at instant: ContinuousClock.Instant
    ) throws(StoreError) -> SinkSession {
        if let session = sessions[header.session] {
            session.lastArrival = instant
            return session
        }
        try noteSuccessor(header, at: instant)
        return try sessions.load(header, from: store.reader, at: instant)
    }

    private func settle(_ arrival: OrderBuffer<PendingOutcome>.Arrival, _ header: FrameHeader, _ session: SinkSession) {
        switch arrival {
        case .inOrder: break
        case .held: internalCounters.held += 1
        case .duplicate:
            // The first acknowledgement may be what was lost.
            internalCounters.duplicates += 1
            willAcknowledge(session)
        case .refused(.full):
            refuse(.tooFarAhead, "it came too long before its predecessors", of: header)
        case .refused(.contradictsEnd):
            refuse(.contradictsEnd, "its sequence contradicts the end of its session", of: header)
        }
    }

    /// Has a session acknowledged after the next commit.
    func willAcknowledge(_ session: SinkSession) {
        guard !session.isAcknowledgeable else { return }
        session.isAcknowledgeable = true
        acknowledgeable.append(session)
    }

    private func end(of session: SinkSession, _ header: FrameHeader) -> FrameHeader {
        var end = header
        end.isEnd = true
        end.drop = nil
        end.sequence = session.order.frameCount ?? session.order.next
        return end
    }

    private func refuse(_ kind: RefusalKind, _ reason: String, of header: FrameHeader?) {
        let count = internalCounters.refused[kind.rawValue, default: 0] + 1
        internalCounters.refused[kind.rawValue] = count
        // Once a kind: a peer of another release sends thirty a second. The counters tell the rest.
        if count == 1 {
            logger.error(
                "refused a message; further ones of this kind are only counted",
                metadata: (header.map { .frame($0) } ?? [:]).with([
                    "kind": "\(kind.rawValue)", "reason": "\(reason)",
                ]))
        }
    }
}
