/// A rectangle in pixels of the upright frame, origin top left.
public struct BoundingBox: Hashable, Sendable {
    /// Left edge.
    public var x: Float
    /// Top edge.
    public var y: Float
    /// Width.
    public var width: Float
    /// Height.
    public var height: Float

    /// A rectangle.
    public init(x: Float, y: Float, width: Float, height: Float) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }
}

/// SMPL parameters of one person (Loper et al. 2015).
public struct SMPLParameters: Hashable, Sendable {
    /// Shape: 10 coefficients.
    public var betas: [Float]
    /// Pose of the 23 joints below the root: rotation matrices, row-major, 207 numbers.
    public var bodyPose: [Float]
    /// Rotation of the root: one matrix, row-major, 9 numbers.
    public var globalOrient: [Float]

    /// Parameters.
    public init(betas: [Float], bodyPose: [Float], globalOrient: [Float]) {
        self.betas = betas
        self.bodyPose = bodyPose
        self.globalOrient = globalOrient
    }
}

/// How sure the tracker is of a person's identity in one frame.
public enum TrackState: String, Sendable, Codable {
    /// Seen in too few frames yet: the person may turn out to be another one, or none.
    case tentative
    /// Seen long enough.
    case confirmed
    /// Not seen in this frame: where the tracker expects the person. `observed` is false then, and only then.
    case predicted
}

/// One person in one frame.
public struct Person: Hashable, Sendable {
    /// The person's identity within the session.
    public var trackID: UInt32
    /// How sure the engine is that this is a person, 0 to 1.
    public var score: Float
    /// The visible body.
    public var bbox: BoundingBox
    /// False where the tracker predicts a person it does not see.
    public var observed: Bool
    /// How sure the tracker is; nil where there is no tracker, as in a single picture.
    public var state: TrackState?
    /// x, y in pixels of the upright frame, and a score from 0 to 1.
    public var keypoints2D: [SIMD3<Float>]
    /// x, y, z in metres in the body's own frame: x right, y down, z forward.
    public var keypoints3D: [SIMD3<Float>]
    /// Moves the body's frame into the camera of the full image, in metres.
    public var cameraTranslation: SIMD3<Float>?
    /// Of the full image's camera, in pixels.
    public var focalLength: Float?
    /// Present where the engine fits SMPL.
    public var smpl: SMPLParameters?
    /// What the person looks like, in the tracker's own form (`PartColours`); empty where it was not looked at. In
    /// protobuf only: it is there for joining tracks later, and says nothing to a reader.
    public var appearance: [UInt8]

    /// A person.
    public init(
        trackID: UInt32, score: Float, bbox: BoundingBox, observed: Bool = true, state: TrackState? = nil,
        keypoints2D: [SIMD3<Float>], keypoints3D: [SIMD3<Float>], cameraTranslation: SIMD3<Float>? = nil,
        focalLength: Float? = nil, smpl: SMPLParameters? = nil, appearance: [UInt8] = []
    ) {
        self.trackID = trackID
        self.score = score
        self.bbox = bbox
        self.observed = observed
        self.state = state
        self.keypoints2D = keypoints2D
        self.keypoints3D = keypoints3D
        self.cameraTranslation = cameraTranslation
        self.focalLength = focalLength
        self.smpl = smpl
        self.appearance = appearance
    }
}

/// Milliseconds a frame spent in each stage, up to the beginning of the commit that stores it: how long its own commit
/// takes is not known to what it commits.
public struct Timing: Hashable, Sendable {
    /// Checking (and decoding) in ingest.
    public var ingest: Float
    /// Waiting between ingest's acceptance and the engine.
    public var queue: Float
    /// In the engine; of a batch, the whole batch's time.
    public var infer: Float
    /// From the outcome's arrival at the sink to the beginning of its commit.
    public var sink: Float
    /// From ingest's acceptance of the frame to the beginning of the commit.
    public var total: Float

    /// Times.
    public init(ingest: Float = 0, queue: Float = 0, infer: Float = 0, sink: Float = 0, total: Float = 0) {
        self.ingest = ingest
        self.queue = queue
        self.infer = infer
        self.sink = sink
        self.total = total
    }
}

/// What became of one frame: the persons in it (perhaps none), or a drop. Exactly one for every sequence.
public struct Outcome: Sendable, Equatable {
    /// The header this answers.
    public var frame: FrameHeader
    /// The engine that looked at the frame, such as `blazepose`; empty where none did.
    public var engine: String
    /// The names behind the keypoints, such as `blazepose33`; empty where there are none.
    public var skeleton: String
    /// Set where there is no pose.
    public var drop: Drop?
    /// The persons, those who are only expected included; empty where nobody is in the frame.
    public var persons: [Person]
    /// Where the time went.
    public var timing: Timing

    /// How many of the persons were seen: those who are only expected do not count.
    public var observedPersons: Int { persons.count(where: \.observed) }

    /// An outcome.
    public init(
        frame: FrameHeader, engine: String = "", skeleton: String = "", drop: Drop? = nil, persons: [Person] = [],
        timing: Timing = Timing()
    ) {
        self.frame = frame
        self.engine = engine
        self.skeleton = skeleton
        self.drop = drop
        self.persons = persons
        self.timing = timing
    }
}
