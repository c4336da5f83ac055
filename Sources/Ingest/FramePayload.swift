package import Messages
package import ZeroMQ

/// An image as it is handed to infer: the bytes as they were received, or as they were decoded, shared and never
/// copied.
package struct FramePayload: Sendable {
    /// What the bytes are.
    package let kind: Payload
    /// The second part of the message to infer.
    package let message: Message
}

/// What ingest makes of one message of a feeder.
package enum Verdict: Sendable {
    /// A frame with its upright size in pixels, and the JPEG that a preview shows, where there is one.
    case frame(FramePayload, width: Int, height: Int, preview: Message?)
    /// A frame that gets a number and no pose.
    case drop(Drop)
    /// No frame: the stream ends.
    case end
}
