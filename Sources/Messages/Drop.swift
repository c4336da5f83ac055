/// The stage that took a decision about a frame. Open: a later release may know more of them, and what it recorded is passed
/// on and stored as it is.
public struct StageName: RawRepresentable, Hashable, Sendable {
    /// The word of the wire and of JSON.
    public let rawValue: String

    /// A stage by its word, or nil where it is none (`isWord`).
    public init?(rawValue: String) {
        guard isWord(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    private init(_ known: String) {
        rawValue = known
    }

    public static let ingest = Self("ingest")
    public static let infer = Self("infer")
    public static let sink = Self("sink")
}

/// Why a frame has no pose. Open as `StageName` is: an outcome whose reason a later release made up is an outcome all the
/// same, and a drop.
public struct DropReason: RawRepresentable, Hashable, Sendable {
    /// The word of the wire and of JSON.
    public let rawValue: String

    /// A reason by its word, or nil where it is none (`isWord`).
    public init?(rawValue: String) {
        guard isWord(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    private init(_ known: String) {
        rawValue = known
    }

    /// Not a JPEG, or a damaged or truncated one.
    public static let corruptJPEG = Self("corrupt_jpeg")
    /// A valid image of a kind PoseBus does not take, such as CMYK.
    public static let unsupported = Self("unsupported")
    /// More bytes, pixels or scans than the limits allow.
    public static let tooLarge = Self("too_large")
    /// A live stream's window was full and this was its oldest unsent frame.
    public static let shed = Self("shed")
    /// The frame became too old to be of use.
    public static let expired = Self("expired")
    /// The engine failed on this frame.
    public static let inferenceFailed = Self("inference_failed")

    /// The reasons that this release knows.
    public static let known: [DropReason] = [.corruptJPEG, .unsupported, .tooLarge, .shed, .expired, .inferenceFailed]
}

/// Whether a text can be a word of the wire: 1 to 64 of the letters a to z, digits and underscores. Whatever else arrives is
/// refused, so it can stand in logs, metrics and file names as it is.
private func isWord(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
        && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
}

/// The record of a frame that has no pose: who decided, and why.
public struct Drop: Hashable, Sendable {
    /// Who decided.
    public var stage: StageName
    /// Why.
    public var reason: DropReason
    /// One sentence for a person; may be empty.
    public var detail: String

    /// A record.
    public init(stage: StageName, reason: DropReason, detail: String = "") {
        self.stage = stage
        self.reason = reason
        self.detail = detail
    }
}
