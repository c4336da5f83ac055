package import JPEG
package import Messages

/// One decoded frame on its way into an engine.
package struct EngineFrame {
    /// The run of a stream that the frame belongs to: engines keep what they remember by session.
    package var session: SessionID
    /// The stream's name.
    package var stream: StreamName
    /// Its number in the session: the time that a tracker counts in.
    package var sequence: SequenceNumber
    /// When the camera took it.
    package var captureTime: Timestamp
    /// What it shows; nil only for engines that need no pixels.
    package var picture: FramePicture?
    /// Whether the stream's next frame comes whether this one is finished or not.
    package var isLive: Bool
    /// What an engine of another process knew of the session before this frame; of use only where this one knows nothing.
    package var savedState: [UInt8]

    /// A frame.
    package init(
        session: SessionID, stream: StreamName, sequence: SequenceNumber, captureTime: Timestamp,
        picture: FramePicture?,
        isLive: Bool = false, savedState: [UInt8] = []
    ) {
        self.session = session
        self.stream = stream
        self.sequence = sequence
        self.captureTime = captureTime
        self.picture = picture
        self.isLive = isLive
        self.savedState = savedState
    }
}

/// What an engine says of one frame.
package struct EngineAnswer {
    /// The persons, those that are only predicted included.
    package var persons: [Person]
    /// What the engine knows of the session now, in a form of its own (`EngineFrame.savedState`); empty from engines that
    /// remember nothing.
    package var sessionState: [UInt8]

    /// An answer.
    package init(persons: [Person], sessionState: [UInt8] = []) {
        self.persons = persons
        self.sessionState = sessionState
    }
}

/// Turns frames into persons. Made and used on one thread: models and what they remember of each stream are not shared.
package protocol PoseEngine: AnyObject {
    /// The word in an outcome's `engine`.
    var name: String { get }
    /// The word in an outcome's `skeleton`; empty where there are no keypoints.
    var skeleton: String { get }
    /// False where frames need not be decoded.
    var needsPixels: Bool { get }
    /// Whether several frames at once take it less time than one after the other, so that it is worth its while to wait a
    /// little for those of other streams.
    var gainsFromBatches: Bool { get }
    /// At which size it looks at a session's first frame, by the frame's width and height in pixels: what is decoded before it is asked.
    var firstScale: @Sendable (_ width: Int, _ height: Int) -> DecodeScale { get }
    /// Where it computes and in what, in the words of `--device` and `--precision`.
    var computing: (device: String, precision: String) { get }

    /// The persons in each frame, in the order of the frames.
    ///
    /// - Parameter frames: at most one of each session, each session's in order.
    /// - Throws: when the batch failed. What is remembered of its sessions is then as before or empty.
    func process(_ frames: [EngineFrame]) throws -> [EngineAnswer]

    /// The persons in a picture that belongs to no stream. With boxes: exactly one a box, in their order.
    func processStill(_ image: DecodedImage, boxes: [BoundingBox]) throws -> [Person]

    /// Forgets a session that has ended.
    func forget(_ session: SessionID)

    /// The surface of a person that this engine found; nil from engines that fit no body model.
    func mesh(of person: Person) throws -> BodyMesh?
}

extension PoseEngine {
    package var gainsFromBatches: Bool { true }

    package var firstScale: @Sendable (_ width: Int, _ height: Int) -> DecodeScale { { _, _ in .full } }

    package var computing: (device: String, precision: String) { ("cpu", "fp32") }

    package func mesh(of person: Person) throws -> BodyMesh? { nil }
}

/// A body's surface.
package struct BodyMesh {
    /// Metres in the body's own frame: x right, y down, z forward.
    package var vertices: [SIMD3<Float>]
    /// Three places of vertices each.
    package var triangles: [Int]

    /// A surface.
    package init(vertices: [SIMD3<Float>], triangles: [Int]) {
        self.vertices = vertices
        self.triangles = triangles
    }
}
