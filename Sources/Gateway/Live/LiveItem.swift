internal import Foundation
internal import Messages
internal import NIOConcurrencyHelpers
internal import NIOCore

/// What readers of the live stream are sent.
enum LiveItem: Sendable {
    /// One outcome, with the picture it was made from.
    case outcome(LiveOutcome)
    /// A session began or ended: its stream, and JSON.
    case session(stream: String, json: ByteBuffer)
    /// How the pipeline is: JSON. A later one stands for all before it.
    case status(json: ByteBuffer)
}

/// One outcome as readers get it. Its bytes are made once, whoever many read it.
final class LiveOutcome: Sendable {
    let stream: String
    let session: String
    let sequence: UInt64
    /// The feeder's own counter and time of the frame, by which whoever fed it knows it again.
    let cameraFrame: UInt64?
    let captureTime: Int64
    /// The outcome as JSON.
    let json: ByteBuffer
    /// The JPEG of exactly this frame; empty where there is none.
    let jpeg: ByteBuffer
    /// The mesh block of the persons who have a body; nil where nobody has one, or nobody wanted it.
    let meshes: ByteBuffer?
    private let messages = NIOLockedValueBox<[ByteBuffer?]>([nil, nil, nil, nil])

    init(_ outcome: Outcome, json: ByteBuffer, jpeg: ByteBuffer, meshes: ByteBuffer?) {
        stream = outcome.frame.stream.description
        session = outcome.frame.session.description
        sequence = outcome.frame.sequence.value
        cameraFrame = outcome.frame.cameraFrame?.value
        captureTime = outcome.frame.captureTime.nanoseconds
        self.json = json
        self.jpeg = jpeg
        self.meshes = meshes
    }

    /// The body of a WebSocket's binary message: length and JSON, length and JPEG, meshes. All readers with the same wishes
    /// share one buffer.
    func message(frames: Bool, meshes wanted: Bool) -> ByteBuffer {
        let wanted = wanted && meshes != nil
        let variant = (frames ? 1 : 0) + (wanted ? 2 : 0)
        return messages.withLockedValue { messages in
            if let made = messages[variant] { return made }
            let picture = frames ? jpeg : ByteBuffer()
            let block = wanted ? meshes ?? ByteBuffer() : ByteBuffer()
            var buffer = ByteBufferAllocator().buffer(
                capacity: 8 + json.readableBytes + picture.readableBytes + block.readableBytes)
            buffer.writeInteger(UInt32(json.readableBytes), endianness: .little)
            buffer.writeImmutableBuffer(json)
            buffer.writeInteger(UInt32(picture.readableBytes), endianness: .little)
            buffer.writeImmutableBuffer(picture)
            buffer.writeImmutableBuffer(block)
            messages[variant] = buffer
            return buffer
        }
    }
}
