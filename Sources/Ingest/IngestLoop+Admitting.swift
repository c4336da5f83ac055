internal import Delivery
internal import Logging
internal import Messages
internal import Metering
internal import Spool
internal import Stage
internal import ZeroMQ

extension IngestLoop {
    /// Gives a frame its number and puts it into its session's window; begins and ends sessions.
    ///
    /// - Returns: false where there is no room yet: the frame has to wait.
    func admit(_ arrival: Arrival, _ verdict: Verdict, to stream: Stream) throws -> Bool {
        var accepted: FeederAnswer = .accepted(arrival.header.cameraFrame)
        let feederFrame = arrival.header.feederFrame
        if let feederFrame, case let verdict = stream.ledger.judge(feederFrame, oldest: arrival.header.oldestFrame),
            verdict != .new
        {
            return try answerRepeated(verdict, arrival)
        }
        if case .end = verdict {
            end(stream)
        } else {
            guard let session = try stream.session ?? beginSession(of: stream, for: arrival) else { return false }
            guard let verdict = withinSpool(verdict, of: session) else { return false }
            guard let header = window(arrival, verdict, in: session) else { return false }
            let meter = meter(of: stream)
            counters.accepted += 1
            meter.accepted.add()
            switch verdict {
            case .frame(let payload, _, _, let jpeg):
                counters.acceptedBytes += payload.message.count
                meter.bytes.add(payload.message.count)
                if stream.isWatched, let jpeg {
                    try preview.publish(header, jpeg: jpeg, topic: stream.previewTopic)
                    counters.previews += 1
                }
            case .drop(let drop):
                count(drop: drop.reason, of: stream)
                let reason = drop.reason.rawValue
                if limiter.shouldLog("drop \(reason)") {
                    logger.warning("a frame is recorded as \(reason): \(drop.detail)", metadata: .frame(header))
                }
                accepted = .refused(
                    "\(reason): \(drop.detail)", frame: feederFrame == nil ? nil : arrival.header.cameraFrame)
            case .end: break
            }
            if let feederFrame { stream.ledger.note(feederFrame.feeder, frame: feederFrame.frame) }
            if arrival.header.isEnd { end(stream) }
            outputs.enqueue(session)
        }
        answer(arrival.feeder, accepted)
        return true
    }

    /// Counts drops that are recorded here.
    func count(drop reason: DropReason, of stream: Stream, times: Int = 1) {
        counters.drops[reason, default: 0] += times
        metrics.drops[stream.name.description, reason.rawValue].add(times)
    }

    /// Admits a frame to the session's window.
    ///
    /// - Returns: its header, or nil where the window is full.
    private func window(_ arrival: Arrival, _ verdict: Verdict, in session: Session) -> FrameHeader? {
        let now = Timestamp.now
        var header = FrameHeader(
            stream: session.stream.name, session: session.id, sequence: .first,
            cameraFrame: arrival.header.cameraFrame, captureTime: arrival.header.captureTime ?? arrival.time,
            acceptedTime: now, delivery: session.window.delivery,
            ingestMilliseconds: now.milliseconds(since: arrival.time), isStill: arrival.header.isStill,
            traceID: arrival.header.trace?.traceID, parentSpanID: arrival.header.trace?.parentSpanID)
        var payload: FramePayload?
        switch verdict {
        case .frame(let frame, let width, let height, _):
            header.payload = frame.kind
            header.width = width
            header.height = height
            payload = frame
        case .drop(let drop): header.drop = drop
        case .end: preconditionFailure("an end has no place among frames")
        }
        let shedBefore = session.window.shedTotal
        guard let sequence = session.window.admit(header, payload: payload, bytes: payload?.message.count ?? 0) else {
            return nil
        }
        let shed = session.window.shedTotal - shedBefore
        if shed > 0 {
            count(drop: .shed, of: session.stream, times: shed)
            if limiter.shouldLog("drop shed") {
                logger.warning(
                    "frames are shed: downstream is slower than the camera",
                    metadata: .stream(session.stream.name, session: session.id))
            }
        }
        journal(sequence, payload: payload, feeder: arrival.header.feederFrame, in: session)
        header.number(sequence)
        logger.debug("a frame is accepted", metadata: .frame(header))
        if arrival.header.hasBadTraceparent, limiter.shouldLog("traceparent passed over") {
            logger.warning(
                "a feeder's traceparent is none (W3C Trace Context): the frame has a trace of its own",
                metadata: .frame(header))
        }
        return header
    }

    private func beginSession(of stream: Stream, for arrival: Arrival) throws -> Session? {
        guard streams.canBeginSession else { return nil }
        let delivery =
            arrival.header.delivery ?? configuration.defaultDelivery ?? arrival.feeder.usualDelivery
        let session = Session(
            stream: stream,
            window: SendWindow(
                limits: configuration.limits(for: delivery), delivery: delivery, retry: configuration.retry),
            placement: Placement(stream.name, in: outputs.membership, at: .now))
        outputs.seat(session)
        streams.begin(session)
        try acknowledgements.subscribe(to: session.id)
        counters.sessionsBegun += 1
        logger.info(
            "a session begins, \(delivery), to \(session.placement.infer ?? "no infer yet")",
            metadata: .stream(stream.name, session: session.id))
        return session
    }

    /// Ends a stream's session; its next frame begins another one. Without a session there is nothing to end.
    func end(_ stream: Stream) {
        if let session = stream.session {
            stream.session = nil
            let now = Timestamp.now
            session.window.end(
                FrameHeader(
                    stream: stream.name, session: session.id, sequence: .first, captureTime: now, acceptedTime: now,
                    delivery: session.window.delivery))
            journalEnd(of: session)
            outputs.enqueue(session)
        }
        streams.forget(stream)
    }

    /// Admits what waited, in order, as far as there is room now.
    func admitWaiting(at now: ContinuousClock.Instant) throws {
        for stream in waiting.values { try admitWaiting(of: stream) }
    }

    /// Admits what waited of one stream, in order, as far as there is room now.
    func admitWaiting(of stream: Stream) throws {
        while let arrival = stream.waiting.first, let verdict = arrival.verdict {
            guard try admit(arrival, verdict, to: stream) else { break }
            _ = stream.waiting.popFirst()
            heldBytes -= arrival.bytes
            inputs.release(arrival.feeder)
        }
        guard stream.waiting.isEmpty else { return }
        waiting[stream.name] = nil
        streams.forget(stream)
    }
}
