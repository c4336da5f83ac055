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
            "received": .stringConvertible(received), "poses": .stringConvertible(poses),
            "drops": .stringConvertible(drops.values.reduce(0, +)),
            "ends": .stringConvertible(ends), "commits": .stringConvertible(commits),
            "duplicates": .stringConvertible(duplicates), "held": .stringConvertible(held),
            "published": .stringConvertible(published), "replayed": .stringConvertible(replayed),
        ]
        if let frames {
            metadata["frames_kept"] = .stringConvertible(frames.kept)
            metadata["frames_deleted"] = .stringConvertible(frames.deleted)
            metadata["frames_bytes"] = .stringConvertible(frames.bytes)
        }
        if failedCommits > 0 { metadata["failed_commits"] = .stringConvertible(failedCommits) }
        for (reason, count) in drops { metadata["drops.\(reason.rawValue)"] = .stringConvertible(count) }
        for (reason, count) in refused { metadata["refused.\(reason)"] = .stringConvertible(count) }
        return metadata
    }
}
