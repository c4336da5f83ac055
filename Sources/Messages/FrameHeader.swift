/// How a stream treats a full window.
public enum Delivery: String, Sendable, Codable, CaseIterable {
    /// A camera: the oldest unsent frame is shed, as a recorded drop, so that latency stays bounded.
    case live
    /// A file or an archive: nothing is shed; ingest stops reading from the feeder.
    case lossless
}

/// What accompanies a frame header.
public enum Payload: Sendable {
    /// Nothing: a drop, or the end of a stream.
    case none
    /// A JPEG file as the camera sent it. Its EXIF orientation is not applied yet.
    case jpeg
    /// Packed 8-bit RGB rows of the upright frame, `width * 3` bytes each.
    case rgb8
}

/// What ingest says about one frame, or about the end of a stream: the first part of every message it sends.
public struct FrameHeader: Sendable, Equatable {
    /// The stream.
    public var stream: StreamName
    /// The run of the stream.
    public var session: SessionID
    /// The frame's number in the session. For `isEnd`: the number of frames of the session.
    public var sequence: SequenceNumber
    /// The oldest sequence without a confirmed outcome: where a restarted infer begins, and what it may forget.
    public var oldestUnacknowledged: SequenceNumber
    /// The feeder's own counter.
    public var cameraFrame: CameraFrame?
    /// When the camera took the frame, or else when ingest received it.
    public var captureTime: Timestamp
    /// When ingest accepted the frame.
    public var acceptedTime: Timestamp
    /// Width of the upright frame in pixels; 0 where unknown.
    public var width: Int
    /// Height of the upright frame in pixels; 0 where unknown.
    public var height: Int
    /// What follows the header.
    public var payload: Payload
    /// How the stream treats a full window.
    public var delivery: Delivery
    /// Set where ingest already decided that this frame has no pose.
    public var drop: Drop?
    /// The stream ends here; this is no frame.
    public var isEnd: Bool
    /// How often this frame was sent before.
    public var resends: Int
    /// Milliseconds ingest spent on the frame.
    public var ingestMilliseconds: Float
    /// What an infer knew of the session's persons after the frame before `oldestUnacknowledged`, in its engine's own form:
    /// for an infer that does not know the session. Empty everywhere but on a session's oldest frame after a loss.
    public var sessionState: [UInt8]
    /// The picture stands for itself: nobody is followed into it or out of it.
    public var isStill: Bool
    /// The trace the frame belongs to; nil for an end, and for frames that an older release numbered.
    public var traceID: TraceID?
    /// The feeder's span that the frame belongs to; nil where the feeder named none.
    public var parentSpanID: SpanID?

    /// A header.
    public init(
        stream: StreamName, session: SessionID, sequence: SequenceNumber, oldestUnacknowledged: SequenceNumber = .first,
        cameraFrame: CameraFrame? = nil, captureTime: Timestamp, acceptedTime: Timestamp, width: Int = 0,
        height: Int = 0, payload: Payload = .none, delivery: Delivery = .lossless, drop: Drop? = nil,
        isEnd: Bool = false, resends: Int = 0, ingestMilliseconds: Float = 0, sessionState: [UInt8] = [],
        isStill: Bool = false, traceID: TraceID? = nil, parentSpanID: SpanID? = nil
    ) {
        self.stream = stream
        self.session = session
        self.sequence = sequence
        self.oldestUnacknowledged = oldestUnacknowledged
        self.cameraFrame = cameraFrame
        self.captureTime = captureTime
        self.acceptedTime = acceptedTime
        self.width = width
        self.height = height
        self.payload = payload
        self.delivery = delivery
        self.drop = drop
        self.isEnd = isEnd
        self.resends = resends
        self.ingestMilliseconds = ingestMilliseconds
        self.sessionState = sessionState
        self.isStill = isStill
        self.traceID = traceID
        self.parentSpanID = parentSpanID
    }
}
