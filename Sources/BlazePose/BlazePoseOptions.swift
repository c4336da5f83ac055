/// How persons are looked for and followed. The defaults are the ones that the project measures with.
public struct BlazePoseOptions: Sendable, Equatable {
    /// Least score of a detection in a whole picture, 0…1 (MediaPipe's `min_detection_confidence`).
    public var minimumDetectionScore: Float = 0.5
    /// The landmark model must believe in a person by more than this, 0…1 (MediaPipe's `min_tracking_confidence`).
    public var minimumPoseScore: Float = 0.5
    /// Least score of a detection near the place where a person was last seen, 0…1. It may be low: the landmark model
    /// has to agree anyway, twice.
    public var minimumCloseDetectionScore: Float = 0.3
    /// Frames from one detection in the whole picture to the next while everybody is being followed: the longest that
    /// a new person waits.
    public var redetectionInterval: Int = 15
    /// Frames for which a person that is out of sight keeps its number.
    public var maximumMissedFrames: Int = 15
    /// Looks again, and more closely, where a person was last seen.
    public var closerLooks: Bool = true
    /// Most persons in one picture; what is beyond is not looked at, so that the work for one picture is bounded.
    public var maximumPersons: Int = 16
    /// Hands out each person's mask. Bounding boxes come from it then, a little closer than those from the landmarks;
    /// but the part of the network that paints it costs about as much as all the rest.
    public var masks: Bool = false
    /// Threads that may compute at once. Two run the networks beside each other, more divide each run as well.
    public var threads: Int = 2

    /// The defaults.
    public init() {}
}
