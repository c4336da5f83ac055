internal import Delivery
internal import Logging
internal import Messages
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
        for (index, change) in try outputs.poll(at: now) { noteInfer(index, change) }
        let sinks = try acknowledgements.changes()
        for endpoint in sinks.lost { logger.warning("sink at \(endpoint) is gone: frames are kept until it is back") }
        for endpoint in sinks.back {
            // Outcomes on their way to it may be lost. Infer answers from its cache what it has finished.
            let count = resend { _ in true }
            logger.notice("sink at \(endpoint) is back: \(count) frames are sent again")
        }
        if try preview.readSubscriptions() {
            for stream in streams.byName.values { stream.isWatched = preview.isWatched(stream.name) }
        }
    }

    private func note(_ acknowledgement: Acknowledgement, at now: ContinuousClock.Instant) throws {
        guard let session = streams.sessions[acknowledgement.session] else { return }
        counters.acknowledged += session.window.acknowledge(acknowledgement, at: now)
        let stream = session.stream
        if session.window.isFinished {
            try acknowledgements.unsubscribe(from: session.id)
            counters.sessionsFinished += 1
            logger.info("stream \(stream.name): session \(session.id) is complete, \(acknowledgement.next) frames")
            streams.finish(session)
        } else {
            outputs.enqueue(session)
        }
        if !stream.waiting.isEmpty { try admitWaiting(of: stream) }
    }

    private func noteInfer(_ index: Int, _ change: Outputs.Change) {
        let endpoint = outputs.all[index].endpoint
        switch change {
        case .connected:
            let count = resend { $0.output == index }
            logger.notice("infer at \(endpoint) is connected\(count > 0 ? ": \(count) frames are sent again" : "")")
        case .lost:
            logger.warning("infer at \(endpoint) is gone: frames are kept until it is back")
        }
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
                    "stream \(session.stream.name): nothing acknowledged for too long, \(count) frames are sent again")
            }
        }
    }

    /// Moves sessions away from infers that stay out of reach, where another one is in reach.
    func moveStreams(at now: ContinuousClock.Instant) throws {
        guard outputs.all.contains(where: \.isConnected) else { return }
        for (index, output) in outputs.all.enumerated() {
            guard let lostAt = output.lostAt, now - lostAt >= configuration.moveAfter else { continue }
            for session in streams.sessions.values where session.output == index {
                session.output = outputs.choose(for: session.stream.name)
                counters.resent += session.window.resendAll()
                outputs.enqueue(session)
                logger.warning(
                    """
                    stream \(session.stream.name) moves from \(output.endpoint), which is out of reach, to \
                    \(outputs.all[session.output].endpoint)
                    """)
            }
        }
    }
}
