package import Delivery
internal import Logging
package import Messages

/// What ingest did so far.
package struct Counters: Sendable, Equatable {
    /// Messages of feeders, refused ones included.
    package var received = 0
    /// Frames that got a number; `accepted = poses + drops` once everything is stored.
    package var accepted = 0
    /// Bytes of the images among them.
    package var acceptedBytes = 0
    /// Drops recorded here, by reason. Shed frames are among the accepted ones.
    package var drops: [DropReason: Int] = [:]
    /// Messages that were no frames, by reason.
    package var refusals: [String: Int] = [:]
    /// Frames that feeders sent again and that were known.
    package var known = 0
    /// Sessions continued from the spool, and their frames.
    package var sessionsContinued = 0
    package var restored = 0
    /// Frames that had to wait for room in a window.
    package var held = 0
    /// Messages sent to infer, resends included.
    package var sent = 0
    /// Messages that were to be sent again.
    package var resent = 0
    /// Sessions that went on at another infer, by reason.
    package var moves: [MoveReason: Int] = [:]
    /// Frames and ends confirmed by the sink.
    package var acknowledged = 0
    package var sessionsBegun = 0
    /// Sessions whose end is stored.
    package var sessionsFinished = 0
    package var previews = 0
    /// Answers to feeders that were gone.
    package var unanswered = 0
    /// Acknowledgements that could not be read.
    package var badAcknowledgements = 0

    package init() {}

    /// The figures that are not zero.
    var metadata: Logger.Metadata {
        var figures: [(String, Int)] = [
            ("received", received), ("accepted", accepted), ("bytes", acceptedBytes), ("known", known),
            ("sessions_continued", sessionsContinued), ("restored", restored), ("held", held), ("sent", sent),
            ("resent", resent), ("acknowledged", acknowledged), ("sessions", sessionsBegun),
            ("sessions_finished", sessionsFinished), ("previews", previews), ("unanswered", unanswered),
            ("bad_acknowledgements", badAcknowledgements),
        ]
        figures += DropReason.known.map { ("drop_\($0.rawValue)", drops[$0] ?? 0) }
        figures += MoveReason.allCases.map { ("moved_\($0.rawValue)", moves[$0] ?? 0) }
        figures += refusals.sorted { $0.key < $1.key }.map { ("refused_\($0.key)", $0.value) }
        return Logger.Metadata(
            uniqueKeysWithValues: figures.filter { $0.1 != 0 }.map { ($0.0, .stringConvertible($0.1)) })
    }
}

/// Keeps a flood of equal events from flooding the log: the first of a kind is logged, the others are counted and
/// logged as a number.
package struct LogLimiter: Sendable {
    private var suppressed: [String: Int] = [:]

    package init() {}

    /// Whether to log this event now.
    package mutating func shouldLog(_ kind: String) -> Bool {
        // Kinds come from a fixed set of words, never from a feeder, so this stays small.
        if let count = suppressed[kind] {
            suppressed[kind] = count + 1
            return false
        }
        suppressed[kind] = 0
        return true
    }

    /// What was suppressed since the last call; afterwards the first of each kind is logged again.
    package mutating func flush() -> [(kind: String, count: Int)] {
        defer { suppressed = [:] }
        return suppressed.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { (kind: $0.key, count: $0.value) }
    }
}
