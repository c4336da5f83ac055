/// What a refinement may do.
public struct RefinementOptions: Sendable, Equatable, Codable {
    /// The longest stretch without evidence that is filled, in seconds.
    public var maxGap = 1.0
    /// The longest time between two fragments that may be one person, in seconds. Longer than `maxGap`: to know that it is
    /// the same person asks less than to know where the person was all the while.
    public var maxJoin = 3.0
    /// Whether observations are smoothed.
    public var smooths = true
    /// Set where the frames are evenly spaced at this rate whatever their times say, in frames a second.
    public var frameRate: Double?
    /// How far smoothing may move an observation.
    public var bounds = SmoothingBounds()

    /// The defaults.
    public init() {}
}

/// How far a smoothed value may lie from what was observed. What is further off is no noise of a pose that was seen, and is
/// kept at the bound.
public struct SmoothingBounds: Sendable, Equatable, Codable {
    /// Keypoints and edges of the box in the picture, as a share of the box's height: 2 % of a person is 3 cm.
    public var picture = 0.02
    /// Keypoints in the body's frame, in metres.
    public var metres = 0.03
    /// Rotations of SMPL's joints, in degrees.
    public var degrees = 5.0
    /// The distance from the camera, as a share of it. One camera tells depth by size, and size no better than `picture`.
    public var depth = 0.03

    /// The defaults.
    public init() {}
}

/// What a refinement did to one session.
public struct RefinementSummary: Sendable, Equatable, Codable {
    /// Frames of the session, drops included.
    public var frames = 0
    /// Frames with a pose; each has one in the revision.
    public var poses = 0
    /// Drops, which stay drops.
    public var drops = 0
    /// Tracks as the live tracker numbered them.
    public var tracks = 0
    /// Persons after joining and removing.
    public var identities = 0
    /// Pairs of fragments that were joined.
    public var joined = 0
    /// Tracks of nobody that were removed.
    public var removed = 0
    /// Stretches without evidence that were filled.
    public var gapsFilled = 0
    /// Persons of single frames that fill them.
    public var personsFilled = 0
    /// Persons of single frames that were seen.
    public var personsObserved = 0
    /// Live predictions of persons that were not seen, which the revision does without.
    public var predictionsReplaced = 0
    /// How far smoothing moved keypoints on average, in pixels.
    public var meanDisplacementPixels = 0.0
    /// The same as a share of the box's height.
    public var meanDisplacementShare = 0.0
    /// How far it moved keypoints in the body's frame on average, in millimetres.
    public var meanDisplacementMillimetres = 0.0
    /// How far it turned SMPL's joints on average, in degrees.
    public var meanRotationDegrees = 0.0
    /// Whether time is what the frames' times of capture say; else it is their number.
    public var usesCaptureTimes = true

    /// Nothing done.
    public init() {}
}
