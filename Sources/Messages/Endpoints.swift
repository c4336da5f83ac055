/// The ports on which the stages meet, and the addresses made from them.
public enum Port: Int, Sendable, CaseIterable {
    /// Ingest, PULL: frames from PUSH feeders.
    case framesPush = 5550
    /// Ingest, ROUTER: frames from REQ and DEALER feeders, each answered.
    case framesRequest = 5551
    /// Ingest, XPUB: the JPEG of each accepted frame.
    case preview = 5552
    /// Infer, PULL: frames from ingest.
    case infer = 5560
    /// Sink, PULL: outcomes from infer.
    case outcomes = 5570
    /// Sink, XPUB: results to subscribers.
    case results = 5571
    /// Sink, XPUB: acknowledgements to ingest.
    case acknowledgements = 5572
    /// Sink, ROUTER: replay.
    case replay = 5573

    /// The endpoint on this machine's loopback interface, the default of every option.
    public var loopback: String { "tcp://127.0.0.1:\(rawValue)" }
}

/// The topics under which messages are published: the first part of every published message.
public enum Topic {
    /// Prefix of results as JSON.
    public static let poseJSON = "pose/json/"
    /// Prefix of results as protobuf.
    public static let posePB = "pose/pb/"
    /// Prefix of the JPEGs of accepted frames.
    public static let preview = "preview/"
    /// Prefix of acknowledgements; the session follows.
    public static let acknowledgement = "ack/"
    /// Prefix of the beginning and end of sessions, as JSON; the stream follows.
    public static let session = "session/json/"
}

/// The version that every message between stages carries.
///
/// It is raised only where an older reader would misread a message; what is merely new are fields that an older reader
/// leaves alone. A release that reads a new version goes on writing the one before, so that stages of neighbouring releases
/// understand each other in both directions; the next release writes it (docs/upgrades.md).
public enum ProtocolVersion {
    /// What this build writes, also as `v` of its JSON.
    public static let written: UInt32 = 1
    /// What it reads. Others are refused, with a sentence in the log.
    public static let readable: ClosedRange<UInt32> = 1...1

    /// The same for a message: "1" or "1 to 2".
    static var readableText: String {
        let (first, last) = (readable.lowerBound, readable.upperBound)
        return first == last ? "\(first)" : "\(first) to \(last)"
    }
}
