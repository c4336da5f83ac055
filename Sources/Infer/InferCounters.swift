internal import Logging
internal import Messages

/// What an infer stage has done since it started.
struct InferCounters: Equatable {
    /// Messages from ingest, resends included.
    var received = 0
    /// Messages that the sink's connection has taken.
    var sent = 0
    /// Outcomes with the engine's answer.
    var poses = 0
    /// Outcomes without one, by reason.
    var drops: [DropReason: Int] = [:]
    /// Resends answered from the cache.
    var answeredAgain = 0
    /// Resends of frames in hand, and of acknowledged ones.
    var ignored = 0
    /// Messages that were none.
    var refused = 0

    mutating func count(_ outcome: Outcome) {
        if outcome.frame.isEnd { return }
        if let drop = outcome.drop {
            drops[drop.reason, default: 0] += 1
        } else {
            poses += 1
        }
    }

    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [
            "received": .stringConvertible(received), "sent": .stringConvertible(sent),
            "poses": .stringConvertible(poses),
            "answered_again": .stringConvertible(answeredAgain), "ignored": .stringConvertible(ignored),
            "refused": .stringConvertible(refused),
        ]
        for (reason, count) in drops { metadata["drops.\(reason.rawValue)"] = .stringConvertible(count) }
        return metadata
    }
}
