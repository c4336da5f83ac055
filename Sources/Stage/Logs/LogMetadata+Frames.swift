public import Logging
public import Messages

/// What a line of a log is about, under the names that all stages give it.
extension Logger.Metadata {
    /// A stream, and the run of it where that matters.
    public static func stream(_ stream: StreamName, session: SessionID? = nil) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["stream": .string(stream.description)]
        if let session { metadata["session"] = .string(session.description) }
        return metadata
    }

    /// A frame.
    public static func frame(_ header: FrameHeader) -> Logger.Metadata {
        var metadata = stream(header.stream, session: header.session)
        metadata["sequence"] = .stringConvertible(header.sequence.value)
        if let trace = header.traceID { metadata["trace_id"] = .string(trace.description) }
        return metadata
    }

    /// The same, and more; what is given here counts.
    public func with(_ more: Logger.Metadata) -> Logger.Metadata {
        merging(more) { $1 }
    }
}
