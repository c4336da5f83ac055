internal import Logging
internal import Messages
internal import Stage
internal import Store

/// Closes sessions that nobody else can close.
///
/// A session ends when its ingest says so. An ingest that was killed without a spool cannot, and the one that is started
/// in its place does not know it. So when a stream goes on in another session and nothing more has come of the one
/// before for a while, subscribers are told that it is over, with what is stored of it and `"complete": false`. The store
/// keeps it as it is, without an end; should its ingest come back after all, its outcomes are taken as ever.
extension SinkLoop {
    /// Notes that a stream's last session may be over: another one begins.
    func noteSuccessor(_ header: FrameHeader, at now: ContinuousClock.Instant) throws(StoreError) {
        guard try store.reader.session(header.session) == nil,
            let last = try store.reader.latestSession(of: header.stream), last.ended == nil
        else { return }
        superseded[last.session] = now
    }

    /// Publishes the end of sessions that stayed silent since another one of their stream began.
    func closeSuperseded(at now: ContinuousClock.Instant) throws {
        for (id, since) in superseded {
            guard now - max(since, sessions[id]?.lastArrival ?? since) >= configuration.closeAfter else { continue }
            superseded[id] = nil
            guard let record = try? store.reader.session(id), record.ended == nil else { continue }
            try results.publish(SessionEvent(cutOff: record), of: record.stream)
            logger.warning(
                "a session was cut off: its ingest is gone and its stream goes on in another one",
                metadata: .stream(record.stream, session: id).with([
                    "stored": .stringConvertible(record.poses + record.drops)
                ]))
        }
    }
}
