internal import Messages
internal import ZeroMQ

/// What a message on the outcomes socket turned out to be.
enum Intake {
    /// The outcome of a frame.
    case outcome(PendingOutcome)
    /// The end of a session.
    case end(FrameHeader)

    /// Reads `[Outcome]`, `[Outcome][JPEG]` or `[Outcome][JPEG or nothing][session state]`. The JPEG is what
    /// `posebus-infer --forward-frames` adds; pixels, which ingest may have decoded, are not kept.
    ///
    /// - Parameter keepingPicture: whether the JPEG is wanted.
    /// - Throws: `WireError`, naming what is wrong.
    init(_ received: Received, at now: Timestamp, keepingPicture: Bool) throws(WireError) {
        switch received {
        case .tooManyParts(let count):
            throw .invalidField(message: "Outcome", field: "parts", problem: "\(count) instead of 1 to 3")
        case .parts(let parts):
            let outcome = try parts[0].withUnsafeBytes { bytes throws(WireError) in try OutcomeSummary(wire: bytes) }
            guard parts.count < 3 || parts[2].count <= maxSessionStateLength else {
                throw .invalidField(
                    message: "Outcome", field: "session state", problem: "\(parts[2].count) bytes, too many")
            }
            if outcome.frame.isEnd {
                self = .end(outcome.frame)
            } else {
                self = .outcome(
                    PendingOutcome(
                        outcome, message: parts[0],
                        jpeg: keepingPicture ? Self.picture(parts, outcome) : nil,
                        sessionState: parts.count > 2 ? parts[2] : nil, arrived: now))
            }
        }
    }
}

extension Intake {
    private static func picture(_ parts: [Message], _ outcome: OutcomeSummary) -> Message? {
        parts.count > 1 && parts[1].count > 0 && outcome.frame.payload == .jpeg ? parts[1] : nil
    }
}

/// Why something that arrived was not taken, by the word under which it is counted.
enum RefusalKind: String, CaseIterable {
    case malformed
    case unknownVersion = "unknown_version"
    case invalidField = "invalid_field"
    case tooFarAhead = "too_far_ahead"
    case contradictsEnd = "contradicts_end"

    init(_ error: WireError) {
        switch error {
        case .malformed: self = .malformed
        case .unknownVersion: self = .unknownVersion
        case .invalidField: self = .invalidField
        }
    }
}
