internal import Logging
internal import Messages
internal import Metering
internal import Security
internal import Stage
internal import ZeroMQ

extension IngestLoop {
    /// Takes messages from every socket that may be read.
    ///
    /// The PULL socket and each camera are left unread while too many of their frames wait; libzmq then makes their
    /// senders wait (PUSH) or drop (PUB). A REQ or DEALER peer cannot be left unread alone, so it is refused instead.
    func receive(at now: ContinuousClock.Instant) throws {
        try receive(from: inputs.push, at: now)
        for camera in inputs.cameras { try receive(from: camera, at: now) }
        try receive(from: inputs.request, at: now)
    }

    private func receive(from source: Inputs.Source, at now: ContinuousClock.Instant) throws {
        let isHeldUp = source.feeder.map { isStopping || !mayHold($0) } ?? (pendingAnswers.count >= Self.maxPending)
        poller.setInterest(source.token, receiving: !isHeldUp)
        guard !isHeldUp, poller.isReadable(source.token) else { return }
        for _ in 0..<Self.batch {
            guard let received = try source.socket.receive() else { return }
            counters.received += 1
            switch received {
            case .tooManyParts(let count):
                refuse(FeederRefusal(.badParts, "\(count) parts; send [JSON header][image]"), of: nil)
            case .parts(let parts):
                if let feeder = source.feeder {
                    try take(parts[...], from: feeder, at: now)
                } else {
                    try takeFromPeer(parts, at: now)
                }
            }
            if let feeder = source.feeder, !mayHold(feeder) { return }
        }
    }

    /// Strips the routing id, and REQ's empty delimiter where there is one.
    private func takeFromPeer(_ parts: [Message], at now: ContinuousClock.Instant) throws {
        let delimiter = parts.count > 1 && parts[1].count == 0 ? parts[1] : nil
        let feeder = inputs.peer(id: parts[0], delimiter: delimiter)
        try take(parts.dropFirst(delimiter == nil ? 1 : 2), from: feeder, at: now)
    }

    /// Whether another frame of this feeder may wait.
    private func mayHold(_ feeder: Feeder) -> Bool {
        feeder.outstanding < configuration.maxOutstanding && heldBytes < configuration.maxHeldBytes
    }

    private func take(_ parts: ArraySlice<Message>, from feeder: Feeder, at now: ContinuousClock.Instant) throws {
        let header: FeederHeader
        let image: Message?
        let stream: Stream
        var named: CameraFrame?
        var about: StreamName?
        do throws(FeederRefusal) {
            (header, image) = try admission.read(parts)
            about = header.stream
            try checkPermission(of: feeder, parts.last, toFeed: header.stream)
            named = header.feeder == nil ? nil : header.cameraFrame
            if isStopping {
                throw FeederRefusal(.stopping, "ingest is stopping. Send the frame again once it is back")
            }
            stream = try streams.stream(header.stream, now: now, isWatched: preview.isWatched)
        } catch {
            refuse(error, of: about)
            return answer(feeder, .refused(error.description, frame: named))
        }
        guard mayHold(feeder) else {
            count(
                refusal: "too_many_outstanding",
                "a feeder has \(feeder.outstanding) frames waiting; at most \(configuration.maxOutstanding) are allowed",
                of: header.stream)
            return answer(
                feeder,
                .refused(
                    "too_many_outstanding: wait for an answer before sending more than "
                        + "\(configuration.maxOutstanding) frames", frame: named))
        }

        let time = Timestamp.now
        let isWork = admission.isWork(header, image: image)
        let isEnd = image == nil
        let verdict =
            isEnd ? .end : isWork ? nil : metrics.check.measure { admission.verdict(on: header, image: image) }
        let arrival = Arrival(
            feeder: feeder, header: header, time: time, bytes: image?.count ?? 0, verdict: verdict)
        if stream.waiting.isEmpty, let verdict, try admit(arrival, verdict, to: stream) { return }

        counters.held += 1
        inputs.hold(feeder)
        heldBytes += arrival.bytes
        stream.waiting.append(arrival)
        waiting[stream.name] = stream
        if isWork {
            decoding.submit(arrival, image: image, admission: admission, encodesPreview: stream.isWatched)
        }
    }

    /// With keys, every single frame must come from a key that may feed its stream. Subscribed cameras have none: who
    /// they are was decided by whoever named their endpoint.
    private func checkPermission(
        of feeder: Feeder, _ part: Message?, toFeed stream: StreamName
    ) throws(FeederRefusal) {
        guard let permissions = configuration.security.permissions else { return }
        if case .camera = feeder.kind { return }
        guard permissions.allows(part?.sender, toFeed: stream.description) else {
            throw FeederRefusal(
                .notAllowed, "this key may not feed \(stream). Its certificate at ingest (streams) says what it may")
        }
    }

    private func refuse(_ refusal: FeederRefusal, of stream: StreamName?) {
        count(refusal: refusal.reason.rawValue, refusal.detail, of: stream)
    }

    private func count(refusal: String, _ detail: String, of stream: StreamName?) {
        counters.refusals[refusal, default: 0] += 1
        guard limiter.shouldLog("refused \(refusal)") else { return }
        logger.warning("refused \(refusal): \(detail)", metadata: stream.map { .stream($0) } ?? [:])
    }

    /// Answers a feeder that waits for an answer, at the end of the turn, with a spool only once everything before is on disk.
    func answer(_ feeder: Feeder, _ answer: FeederAnswer) {
        if case .peer = feeder.kind { pendingAnswers.append((feeder, answer)) }
    }

    func send(_ answer: FeederAnswer, to feeder: Feeder) throws {
        if try !inputs.answer(feeder, answer) { counters.unanswered += 1 }
    }
}
