import Delivery
import Foundation
import Messages

extension Simulation {
    static let limits = SendWindow<Bool>.Limits(frames: 8, bytes: 1 << 20, inFlight: 4, records: 64)
    static let retry = RetryTimer.Policy(initial: .seconds(1), minimum: .milliseconds(200), maximum: .seconds(10))

    /// A feeder's message reaches ingest, unless its connection or its ingest is gone.
    mutating func arrive(_ message: Waiting, _ stream: Int) {
        guard message.link.generation == ingestGeneration else { return }
        if let cut = feeders[stream].cut[message.link.number], clock > cut { return }
        // More than one feeder may have outstanding: leftovers of lost connections.
        guard streams[stream].waiting.count < 9 else {
            if let number = message.number { answer(stream, .again(number), message.link) }
            return
        }
        streams[stream].waiting.append(message)
        admitWaiting()
    }

    mutating func admitWaiting() {
        for stream in streams.indices {
            while let message = streams[stream].waiting.first, admit(message, stream) {
                streams[stream].waiting.removeFirst()
            }
        }
    }

    private mutating func admit(_ message: Waiting, _ stream: Int) -> Bool {
        guard let number = message.number else {
            end(stream)
            answer(stream, .ended, message.link)
            return true
        }
        switch streams[stream].ledger.judge("feeder", frame: number, oldest: message.oldest) {
        case .known:
            known += 1
            answer(stream, .accepted(number), message.link)
            return true
        case .early:
            answer(stream, .again(number), message.link)
            return true
        case .new: break
        }
        let session = streams[stream].session ?? begin(stream)
        // Some frames are drops already.
        let isDrop = (number &* 7 &+ UInt64(stream)) % 10 == 0
        var frame = header(session: session)
        frame.cameraFrame = CameraFrame(number)
        if isDrop { frame.drop = Drop(stage: .ingest, reason: .corruptJPEG) }
        guard let sequence = windows[session]!.admit(frame, payload: isDrop ? nil : true, bytes: 100) else {
            return false
        }
        streams[stream].ledger.note("feeder", frame: number)
        journal(windows[session]!.header(sequence), feeder: number)
        for header in windows[session]!.takeDropped() { journal(header, feeder: nil) }
        answer(stream, .accepted(number), message.link)
        return true
    }

    private mutating func begin(_ stream: Int) -> SessionID {
        let session = SessionID(UUID(uuid: random.uuid()))
        streams[stream].session = session
        streamOf[session] = stream
        born.append(session)
        live.append(session)
        windows[session] = SendWindow(limits: Self.limits, delivery: weather.delivery, retry: Self.retry)
        placements[session] = Placement(Self.name(of: stream), in: membership, at: clock)
        store[session] = store[session] ?? Stored()
        return session
    }

    private mutating func end(_ stream: Int) {
        guard let session = streams[stream].session else { return }
        streams[stream].session = nil
        windows[session]!.end(header(session: session))
        journal(windows[session]!.header(windows[session]!.admittedTotal), feeder: nil)
    }

    // MARK: - The spool

    mutating func journal(_ header: FrameHeader, feeder: UInt64?) {
        guard weather.hasSpool else { return }
        unsynced.append((header, feeder))
        if windows[header.session]!.notDurableFrom == nil { windows[header.session]!.notDurableFrom = header.sequence }
        if !isSyncing {
            isSyncing = true
            schedule(.diskSync(generation: ingestGeneration), in: random.duration(upTo: .milliseconds(5)))
        }
    }

    private mutating func writeDown(_ header: FrameHeader, _ feeder: UInt64?) {
        var one = journal[header.session] ?? Journal(oldest: header.sequence)
        one.kept[header.sequence] = .init(
            header: header, payload: header.drop == nil && !header.isEnd ? true : nil, bytes: 100)
        if !header.isEnd { one.next = max(one.next, header.sequence.next) }
        if let feeder { one.lastFrame = max(feeder, one.lastFrame ?? 0) }
        journal[header.session] = one
    }

    mutating func synced() {
        isSyncing = false
        for (header, feeder) in unsynced where windows[header.session] != nil { writeDown(header, feeder) }
        unsynced = []
        for session in windows.keys { windows[session]!.notDurableFrom = nil }
        let answers = pendingAnswers
        pendingAnswers = []
        for (stream, reply, link) in answers { send(reply, to: stream, link) }
    }

    private mutating func answer(_ stream: Int, _ reply: FeederReply, _ link: Link) {
        if weather.hasSpool, isSyncing {
            pendingAnswers.append((stream, reply, link))
        } else {
            send(reply, to: stream, link)
        }
    }

    private mutating func send(_ reply: FeederReply, to stream: Int, _ link: Link) {
        feeders[stream].lastAnswer = max(feeders[stream].lastAnswer, clock + random.duration(upTo: .milliseconds(3)))
        agenda.add(.answer(stream, reply, link: link), at: feeders[stream].lastAnswer)
    }

    mutating func crashIngest() {
        ingestDeaths += 1
        ingestGeneration += 1
        // Of what was written and not synced, the first part may be there.
        for (header, feeder) in unsynced where windows[header.session] != nil {
            if random.chance(0.3) { break }
            writeDown(header, feeder)
        }
        unsynced = []
        pendingAnswers = []
        isSyncing = false
        if !weather.hasSpool {
            for session in windows.keys where store[session]?.ended != true { store[session]?.isOrphan = true }
        }
        windows = [:]
        placements = [:]
        live = []
        connectAll()
        streams = Array(repeating: Stream(), count: streams.count)
        for session in born where journal[session] != nil { restore(session) }
        for feeder in feeders.indices { reset(feeder) }
    }

    private mutating func restore(_ session: SessionID) {
        guard let kept = journal[session], let stream = streamOf[session] else { return }
        var damaged = false
        let window = SendWindow<Bool>(
            limits: Self.limits, delivery: weather.delivery, retry: Self.retry, kept: Array(kept.kept.values),
            oldest: kept.oldest, next: kept.next
        ) { _ in
            damaged = true
            return header(session: session)
        }
        if damaged { violation = "the spool of \(session) has a hole" }
        windows[session] = window
        placements[session] = Placement(Self.name(of: stream), in: membership, at: clock)
        live.append(session)
        if !window.isEnding {
            streams[stream].session = session
            if let last = kept.lastFrame { streams[stream].ledger.note("feeder", frame: last) }
        }
        // As the sink does for a subscription that arrives.
        acknowledge(session)
    }

    // MARK: - Downstream

    mutating func pump() {
        for session in live {
            guard let infer = infer(of: session), infers[infer].isConnected else { continue }
            while let next = windows[session]?.upcoming {
                guard next.payload == nil || infers[infer].probation.admits(session) else { break }
                if weather.hasSpool, journal[session]?.kept[next.header.sequence] == nil {
                    violation = "frame \(next.header.sequence) is sent and not on disk"
                }
                transmit(.toInfer(next.header, infer: infer, link: infers[infer].link))
                windows[session]!.sent(at: clock)
            }
            let (flying, held) = (windows[session]!.inFlightCount, windows[session]!.frameCount)
            if flying > Self.limits.inFlight { violation = "\(flying) frames in flight" }
            // A window that was restored may hold frames that are acknowledged.
            if held > Self.limits.frames, !weather.hasSpool { violation = "\(held) frames in the window" }
        }
        // One that moves in finds what others have sent.
        if infers.count == 1, infers[0].probation.isActive,
            windows.values.reduce(0, { $0 + $1.inFlightCount }) > 1
        {
            violation = "a suspect is not alone"
        }
    }

    mutating func note(_ acknowledgement: Acknowledgement) {
        let session = acknowledgement.session
        guard windows[session] != nil else { return }
        windows[session]!.acknowledge(acknowledgement, at: clock)
        if !windows[session]!.isSuspect, let infer = infer(of: session) {
            _ = infers[infer].probation.clear(session)
        }
        // How far the sink is gets to the disk later, or never.
        if random.chance(0.3), let oldest = windows[session]?.oldestUnacknowledged { forget(session, before: oldest) }
        if windows[session]!.isFinished {
            shed += windows[session]!.shedTotal
            windows[session] = nil
            placements[session] = nil
            live.removeAll { $0 == session }
            journal[session] = nil
        } else if placements[session]?.move != nil {
            follow(session)
        }
        admitWaiting()
    }

    private mutating func forget(_ session: SessionID, before oldest: SequenceNumber) {
        guard var one = journal[session] else { return }
        one.oldest = max(one.oldest, oldest)
        one.kept = one.kept.filter { $0.key >= oldest }
        journal[session] = one
    }
}

extension SplitMix {
    mutating func uuid() -> uuid_t {
        var uuid: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        withUnsafeMutableBytes(of: &uuid) { bytes in
            bytes.storeBytes(of: next(), toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: next(), toByteOffset: 8, as: UInt64.self)
        }
        return uuid
    }
}
