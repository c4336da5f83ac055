internal import Delivery
internal import Logging
internal import Messages
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

    /// Accepts nothing new from now on, and ends every session after what already waits.
    func beginStopping() {
        isStopping = true
        logger.notice("stopping: no more frames are accepted, \(unacknowledged) wait for their acknowledgement")
    }

    /// Whether everything is acknowledged, or the time is up.
    func isDrained(at now: ContinuousClock.Instant, deadline: ContinuousClock.Instant) throws -> Bool {
        for stream in streams.byName.values where stream.waiting.isEmpty { end(stream) }
        try pump(at: now)
        if streams.byName.isEmpty {
            try settleSpool()
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

    private var unacknowledged: Int {
        streams.sessions.values.reduce(0) { $0 + $1.window.count }
    }
}
