internal import Delivery
internal import Logging
internal import Messages
internal import Spool
internal import Stage
internal import ZeroMQ

extension IngestLoop {
    /// Ends sessions that had no frame for long, so that cameras that are gone do not occupy streams.
    func endIdleSessions(at now: ContinuousClock.Instant) {
        guard let idleEnd = configuration.idleEnd else { return }
        for stream in streams.byName.values where now - stream.lastHeard >= idleEnd && stream.waiting.isEmpty {
            if stream.session != nil {
                logger.notice(
                    "no frame came for \(idleEnd): the session ends",
                    metadata: .stream(stream.name, session: stream.session?.id))
            }
            end(stream)
        }
    }

    /// Accepts nothing new from now on, and ends every session after what already waits; those that are kept in the spool
    /// stay open.
    func beginStopping() {
        isStopping = true
        logger.notice("stopping: no more frames are accepted, \(unacknowledged) wait for their acknowledgement")
    }

    /// Whether everything is acknowledged, or the time is up.
    func isDrained(at now: ContinuousClock.Instant, deadline: ContinuousClock.Instant) throws -> Bool {
        if !configuration.keepsSessions {
            for stream in streams.byName.values where stream.waiting.isEmpty { end(stream) }
        }
        try pump(at: now)
        if hasNothingLeft {
            try pump(at: now)
            spool?.anchor()
            for session in streams.sessions.values {
                logger.info(
                    "a session stays open at frame \(session.window.oldestUnacknowledged): the next start goes on with it",
                    metadata: .stream(session.stream.name, session: session.id))
            }
            return true
        }
        guard now >= deadline else { return false }
        for session in streams.sessions.values {
            logger.error(
                """
                a session stops with \(session.window.count) messages not acknowledged, from sequence \
                \(session.window.oldestUnacknowledged) on\
                \(spool == nil ? "" : "; they are in the spool, and the next start sends them")
                """, metadata: .stream(session.stream.name, session: session.id))
        }
        for stream in waiting.values {
            logger.error(
                "\(stream.waiting.count) frames were received and found no room",
                metadata: .stream(stream.name, session: stream.session?.id))
        }
        return true
    }

    /// Whether every frame that was received is stored, and every session ended unless the next ingest goes on with it.
    private var hasNothingLeft: Bool {
        streams.byName.values.allSatisfy {
            $0.waiting.isEmpty && (configuration.keepsSessions || $0.unfinished == 0)
        } && unacknowledged == 0
    }

    private var unacknowledged: Int {
        streams.sessions.values.reduce(0) { $0 + $1.window.count }
    }
}
