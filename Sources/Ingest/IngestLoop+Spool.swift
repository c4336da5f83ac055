internal import Delivery
internal import Logging
internal import Messages
internal import Metering
internal import Spool
internal import Stage
internal import ZeroMQ

extension IngestLoop {
    static func openSpool(_ configuration: IngestConfiguration) throws -> Spool? {
        guard let folder = configuration.spool else { return nil }
        do throws(SpoolError) {
            return try Spool(SpoolFolder(folder), limit: configuration.spoolBytes)
        } catch {
            throw StageFailure(
                "\(error) (--spool \(folder)).", exitCode: error.kind == .inputOutput ? .ioError : .cannotCreate)
        }
    }

    /// Goes on with the sessions that the last ingest left in the spool.
    func restoreSessions(at now: ContinuousClock.Instant) throws {
        guard let spool else { return }
        for recovered in spool.recovered {
            let stream = streams.restore(recovered.stream, now: now)
            let session = Session(
                id: recovered.session, stream: stream, window: window(of: recovered),
                placement: Placement(recovered.stream, in: outputs.membership, at: now))
            outputs.seat(session)
            if !recovered.isEnded {
                for (feeder, frame) in recovered.feeders { stream.ledger.note(feeder, frame: frame) }
            }
            streams.begin(session)
            try acknowledgements.subscribe(to: session.id)
            counters.sessionsContinued += 1
            counters.restored += session.window.count
            logger.notice(
                """
                a session goes on at frame \(recovered.next): \(session.window.count) messages from the spool are sent again
                """, metadata: .stream(recovered.stream, session: recovered.session))
        }
        if spool.cutBytes > 0 {
            logger.notice(
                "the spool's end was cut short: \(spool.cutBytes) bytes that were never confirmed are dropped")
        }
        spool.recovered = []
    }

    private func window(of recovered: Spool.RecoveredSession) -> SendWindow<FramePayload> {
        SendWindow(
            limits: configuration.limits(for: recovered.delivery), delivery: recovered.delivery,
            retry: configuration.retry,
            kept: recovered.entries.map { entry in
                let hasPayload = entry.header.payload != .none && entry.header.drop == nil
                return .init(
                    header: entry.header,
                    payload: hasPayload
                        ? FramePayload(kind: entry.header.payload, message: Message(entry.payload)) : nil,
                    bytes: entry.payload.count)
            },
            oldest: recovered.oldest, next: recovered.next
        ) { sequence in
            let now = Timestamp.now
            return FrameHeader(
                stream: recovered.stream, session: recovered.session, sequence: sequence, captureTime: now,
                acceptedTime: now, delivery: recovered.delivery,
                drop: Drop(
                    stage: .ingest, reason: .corruptJPEG, detail: "the frame was damaged in the spool, on its disk"))
        }
    }

    // MARK: - Writing

    /// What becomes of a frame in view of the room on disk.
    ///
    /// - Returns: nil where it has to wait.
    func withinSpool(_ verdict: Verdict, of session: Session) -> Verdict? {
        guard let spool else { return verdict }
        var size = 0
        if case .frame(let payload, _, _, _) = verdict { size = payload.message.count }
        if size > spool.largestPayload {
            return .drop(
                Drop(
                    stage: .ingest, reason: .tooLarge,
                    detail: "\(size) bytes do not fit into a spool of \(spool.limit) (--spool-bytes)"))
        }
        if spool.hasRoom(for: size) { return verdict }
        if limiter.shouldLog("spool full") {
            logger.warning(
                "the spool is full: feeders wait and live streams shed until frames that are in it are acknowledged",
                metadata: ["bytes": "\(spool.bytes)", "limit": "\(spool.limit)"])
        }
        guard session.window.delivery == .live, size > 0, spool.hasRoom(for: 0) else { return nil }
        return .drop(Drop(stage: .ingest, reason: .shed, detail: "the spool was full"))
    }

    /// Writes down what `admit` has put into a window.
    func journal(_ sequence: SequenceNumber, payload: FramePayload?, feeder: FeederFrame?, in session: Session) {
        let dropped = session.window.takeDropped()
        guard let spool else { return }
        let header = session.window.header(sequence)
        if let payload, header.drop == nil {
            payload.message.withUnsafeBytes { spool.append(header, feeder: feeder, payload: $0) }
        } else {
            spool.append(header, feeder: feeder)
        }
        for header in dropped { spool.append(header) }
        holdBack(session, from: sequence)
    }

    /// Writes down that a session has ended.
    func journalEnd(of session: Session) {
        guard let spool else { return }
        let end = session.window.admittedTotal
        spool.append(session.window.header(end))
        holdBack(session, from: end)
    }

    private func holdBack(_ session: Session, from sequence: SequenceNumber) {
        guard session.window.notDurableFrom == nil else { return }
        session.window.notDurableFrom = sequence
        unsynced.append(session)
    }

    /// Makes durable what was written, and lets it be sent.
    ///
    /// - Returns: whether everything may be confirmed.
    func settleSpool() -> Bool {
        guard let spool else { return true }
        // A disk may take its time; restarting would not make it faster.
        pulse?.beginWork(patience: .seconds(60))
        defer { pulse?.beat() }
        let (start, syncs) = (ContinuousClock.now, spool.syncCount)
        let isDurable = spool.sync()
        if spool.syncCount > syncs { metrics.sync.observe(ContinuousClock.now - start) }
        guard isDurable else {
            if !isSpoolInTrouble {
                isSpoolInTrouble = true
                logger.error(
                    "the spool cannot be written: nothing is confirmed or sent until it works again; trying again by itself",
                    metadata: ["reason": "\(spool.trouble.map { "\($0)" } ?? "")"])
            }
            return false
        }
        if isSpoolInTrouble {
            isSpoolInTrouble = false
            logger.notice("the spool works again")
        }
        for session in unsynced {
            session.window.notDurableFrom = nil
            outputs.enqueue(session)
        }
        unsynced.removeAll(keepingCapacity: true)
        return true
    }

    // MARK: - Feeders that repeat themselves

    /// Answers a frame that is known, or whose predecessor is missing.
    func answerRepeated(_ verdict: FeederLedger.Verdict, _ arrival: Arrival) throws -> Bool {
        let frame = arrival.header.cameraFrame
        if verdict == .known {
            counters.known += 1
            answer(arrival.feeder, .accepted(frame))
        } else {
            counters.refusals[FeederRefusal.Reason.outOfOrder.rawValue, default: 0] += 1
            let refusal = FeederRefusal(.outOfOrder, "a frame before it is missing; send again from there on")
            answer(arrival.feeder, .refused(refusal.description, frame: frame))
        }
        return true
    }
}

extension FeederHeader {
    /// The frame by its feeder's name and count, where it has both.
    var feederFrame: FeederFrame? {
        guard let feeder, let cameraFrame else { return nil }
        return FeederFrame(feeder: feeder, frame: cameraFrame.value)
    }
}

extension FeederLedger {
    func judge(_ frame: FeederFrame, oldest: CameraFrame?) -> Verdict {
        judge(frame.feeder, frame: frame.frame, oldest: oldest?.value)
    }
}
