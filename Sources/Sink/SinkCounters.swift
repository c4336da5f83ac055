internal import Logging
package import Messages
package import Store

/// What a sink has done since it started.
package struct SinkCounters: Equatable, Sendable {
    /// Messages from infer.
    package var received = 0
    /// Outcomes committed, by kind.
    package var poses = 0
    package var drops: [DropReason: Int] = [:]
    /// Outcomes and ends committed.
    package var stored = 0
    /// Ends of sessions committed.
    package var ends = 0
    /// Transactions.
    package var commits = 0
    /// Transactions that failed.
    package var failedCommits = 0
    /// Outcomes and ends that were here already.
    package var duplicates = 0
    /// Outcomes that had to wait for earlier ones.
    package var held = 0
    /// Messages not taken, by reason.
    package var refused: [String: Int] = [:]
    /// Pictures kept and deleted again, where they are kept.
    package var frames: KeptFrameTally?
    /// Messages to subscribers.
    package var published = 0
    /// Outcomes played back.
    package var replayed = 0

    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [
            "received": "\(received)", "poses": "\(poses)", "drops": "\(drops.values.reduce(0, +))",
            "ends": "\(ends)", "commits": "\(commits)", "duplicates": "\(duplicates)", "held": "\(held)",
            "published": "\(published)", "replayed": "\(replayed)",
        ]
        if let frames {
            metadata["frames_kept"] = "\(frames.kept)"
            metadata["frames_deleted"] = "\(frames.deleted)"
            metadata["frames_bytes"] = "\(frames.bytes)"
        }
        if failedCommits > 0 { metadata["failed_commits"] = "\(failedCommits)" }
        for (reason, count) in drops { metadata["drops.\(reason.rawValue)"] = "\(count)" }
        for (reason, count) in refused { metadata["refused.\(reason)"] = "\(count)" }
        return metadata
    }
}
