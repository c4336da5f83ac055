/// The stage that took a decision about a frame.
public enum StageName: String, Sendable, CaseIterable {
    case ingest, infer, sink
}

/// Why a frame has no pose. The raw values are the words of the wire and of JSON.
public enum DropReason: String, Sendable, CaseIterable {
    /// Not a JPEG, or a damaged or truncated one.
    case corruptJPEG = "corrupt_jpeg"
    /// A valid image of a kind PoseBus does not take, such as CMYK.
    case unsupported
    /// More bytes, pixels or scans than the limits allow.
    case tooLarge = "too_large"
    /// A live stream's window was full and this was its oldest unsent frame.
    case shed
    /// The frame became too old to be of use.
    case expired
    /// The engine failed on this frame.
    case inferenceFailed = "inference_failed"
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
