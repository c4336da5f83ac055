public import Stage

/// A stage that serves its status, and the words for its work.
public struct ServedStage: Sendable {
    /// `ingest`; its executable is `posebus-ingest`.
    public let name: String
    /// Where it serves its status unless it is told otherwise.
    public let address: StatusAddress
    /// What it waits for before it is ready.
    let starting: String
    /// The work that it has in hand, behind its number.
    let work: String
    /// What became of none of it.
    let finished: String

    /// Accepts and keeps frames.
    public static let ingest = ServedStage(
        name: "ingest", address: StatusAddress(host: "127.0.0.1", port: 5580),
        starting: "it is starting: its endpoints are not bound yet", work: "frames are not acknowledged",
        finished: "acknowledged")
    /// Looks at frames.
    public static let infer = ServedStage(
        name: "infer", address: StatusAddress(host: "127.0.0.1", port: 5581),
        starting: "it is starting: its models are not loaded yet", work: "frames are in hand", finished: "finished")
    /// Stores outcomes.
    public static let sink = ServedStage(
        name: "sink", address: StatusAddress(host: "127.0.0.1", port: 5582),
        starting: "it is starting: its store is not open yet", work: "outcomes are not stored", finished: "stored")
    /// Shows results; its status is at the address of everything else.
    public static let gateway = ServedStage(
        name: "gateway", address: StatusAddress(host: "127.0.0.1", port: 5000),
        starting: "it is starting", work: "requests wait", finished: "answered")

    /// The executable's name.
    public var program: String { "posebus-\(name)" }
}
