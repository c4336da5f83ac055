internal import Delivery
internal import Logging
internal import Messages
internal import Spool
internal import Stage
internal import ZeroMQ

extension IngestLoop {
    /// Takes note of acknowledgements, of subscriptions to previews and of peers that came and went.
    func noteDownstream(at now: ContinuousClock.Instant) throws {
        try acknowledgements.receive { result in
            switch result {
            case .success(let acknowledgement): try self.note(acknowledgement, at: now)
            case .failure(let error):
                self.counters.badAcknowledgements += 1
                if self.limiter.shouldLog("acknowledgement refused") {
                    self.logger.error("acknowledgement refused: \(error)")
                }
            }
        }
        noteInfers(at: now)
        for change in try acknowledgements.changes(at: now) { noteSink(change) }
        if try preview.readSubscriptions() {
            for stream in streams.byName.values { stream.isWatched = preview.isWatched(stream.name) }
        }
    }

    private func note(_ acknowledgement: Acknowledgement, at now: ContinuousClock.Instant) throws {
        guard let session = streams.sessions[acknowledgement.session] else { return }
        let acknowledged = session.window.acknowledge(acknowledgement, at: now)
        counters.acknowledged += acknowledged
        if acknowledged > 0, let output = session.output { noteProgress(of: output, at: now) }
        let stream = session.stream
        spool?.acknowledge(session.id, next: session.window.oldestUnacknowledged)
        if !session.window.isSuspect { clearSuspicion(of: session) }
        if session.window.isFinished {
            spool?.finish(session.id)
            try acknowledgements.unsubscribe(from: session.id)
            counters.sessionsFinished += 1
            logger.info(
                "a session is complete: everything of it is stored",
                metadata: .stream(stream.name, session: session.id).with([
                    "frames": .stringConvertible(acknowledgement.next.value)
                ]))
            streams.finish(session)
        } else {
            if session.placement.move != nil { follow(session, at: now) }
            outputs.enqueue(session)
        }
        if !stream.waiting.isEmpty { try admitWaiting(of: stream) }
    }

    private func noteSink(_ change: Acknowledgements.Change) {
        switch change {
        case .connected(let endpoint): logger.notice("sink at \(endpoint) is connected")
        case .lost(let endpoint): logger.warning("sink at \(endpoint) is gone: frames are kept until it is back")
        case .back(let endpoint):
            // Outcomes on their way to it may be lost. Infer answers from its cache what it has finished.
            let count = resend { _ in true }
            logger.notice("sink at \(endpoint) is back: \(count) frames are sent again")
        case .keyRefused(let endpoint): noteRefusedKey(by: "sink", at: endpoint)
        }
    }

    func noteRefusedKey(by stage: String, at endpoint: String) {
        guard limiter.shouldLog("key refused \(endpoint)") else { return }
        logger.error(
            """
            \(stage) at \(endpoint) refuses this ingest's key, or has another one than the certificates here say: put this \
            ingest's certificate into the folder ingest/ there, and the \(stage)'s into \(stage)/ here (docs/security.md)
            """)
    }

    /// An infer was lost: what it had is sent again, and a frame that it cannot survive is found out.
    func noteLoss(of output: Output) {
        let sessions = streams.sessions.values.filter { $0.output === output }
        let inFlight = sessions.reduce(0) { $0 + $1.window.inFlightCount }
        for session in sessions {
            let loss = session.window.inferLost(isAlone: session.window.inFlightCount == inFlight)
            counters.resent += loss.resends
            if let header = loss.givenUp {
                count(drop: .inferenceFailed, of: session.stream)
                spool?.append(header)
                logger.error(
                    "a frame is recorded as inference_failed: \(header.drop?.detail ?? "")", metadata: .frame(header))
            }
        }
        let suspects = sessions.filter(\.window.isSuspect)
        output.probation.begin(suspects.map(\.id))
        if !suspects.isEmpty {
            logger.warning(
                "infer at \(output.endpoint) was lost twice with the same frames: they are sent one at a time")
        }
        for session in sessions where !session.window.isSuspect { clearSuspicion(of: session) }
    }

    /// Lets the others go on where a session is no longer suspected.
    func clearSuspicion(of session: Session) {
        guard let output = session.output, output.probation.clear(session.id) else { return }
        for other in streams.sessions.values where other.output === output { outputs.enqueue(other) }
    }

    /// Sends everything unacknowledged of some sessions again.
    ///
    /// - Returns: how many frames that are.
    @discardableResult
    private func resend(where isConcerned: (Session) -> Bool) -> Int {
        var count = 0
        for session in streams.sessions.values where isConcerned(session) {
            count += session.window.resendAll()
            outputs.enqueue(session)
        }
        counters.resent += count
        return count
    }

    /// The last resort: sends again where nothing was acknowledged for too long though every peer seems well.
    func resendOverdue(at now: ContinuousClock.Instant) {
        for session in streams.sessions.values {
            let count = session.window.resendIfOverdue(at: now)
            guard count > 0 else { continue }
            counters.resent += count
            outputs.enqueue(session)
            if limiter.shouldLog("timeout") {
                logger.warning(
                    "nothing was acknowledged for too long: \(count) frames are sent again",
                    metadata: .stream(session.stream.name, session: session.id))
            }
        }
    }

    // MARK: - Peers that are there and do nothing

    private func noteProgress(of output: Output, at now: ContinuousClock.Instant) {
        if output.isStalled, let since = output.waitingSince {
            output.isStalled = false
            logger.notice("frames of infer at \(output.endpoint) are acknowledged again, after \(now - since)")
        }
        output.waitingSince = nil
    }

    /// Says when an infer that is connected returns nothing: a stuck thread answers ZeroMQ's heartbeats all the same.
    func noteStalls(at now: ContinuousClock.Instant) {
        outputs.measure(streams.sessions.values)
        for output in outputs.all {
            let inFlight = output.inFlight.frames
            guard inFlight > 0, output.isConnected else {
                output.waitingSince = nil
                output.isStalled = false
                continue
            }
            let since = output.waitingSince ?? now
            output.waitingSince = since
            guard now - since >= configuration.stallWarning, !output.isStalled else { continue }
            output.isStalled = true
            logger.warning(
                """
                infer at \(output.endpoint) is connected, and none of its \(inFlight) frames was acknowledged for \
                \(configuration.stallWarning): infer or the sink is stuck, or needs longer for a frame. They are kept, and \
                sent again when it comes back
                """)
        }
    }
}
