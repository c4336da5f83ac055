/// What is remembered of one stream from frame to frame: its persons and when to search again.
///
/// Not Sendable: it belongs to the thread that runs the estimator. Drop it when the stream ends.
public final class PoseTracker {
    package var tracks: [PoseTrack] = []
    package var nextID = 1
    /// Frames seen so far.
    package var frameCount = 0
    /// Frames since the last detection in the whole picture.
    package var framesSinceDetection: Int?
    /// Where the search of a picture without persons goes on.
    package var searchStep = 0
    /// Frames in a row without a person.
    package var emptyFrames = 0
    /// Seconds, of the last frame.
    package var time: Double?
    /// Network runs that may be spent on searching; negative while a search that cost more is being paid back.
    private var allowance = PoseTracker.largestAllowance

    /// Runs that each frame adds: searching costs in the long run at most six times what following one person does.
    private static let allowancePerFrame = 6
    /// Runs that a stream may save up, so that a person lost once is looked for at once with all there is.
    private static let largestAllowance = 20

    /// A stream without history.
    public init() {}

    /// Whether a search may begin.
    package var maySearch: Bool { allowance > 0 }

    /// Notes one network run that was spent on searching.
    package func charge() { allowance -= 1 }

    /// Seconds from the last frame to one taken at `timestamp`; moves on to it. Frames without a usable time are
    /// taken to be a thirtieth of a second apart, as MediaPipe's Python interface does.
    package func advance(to timestamp: Double?) -> Double {
        frameCount += 1
        framesSinceDetection? += 1
        allowance = min(PoseTracker.largestAllowance, allowance + PoseTracker.allowancePerFrame)
        let last = time ?? 0
        let now = timestamp.flatMap { $0.isFinite && (time == nil || $0 > last) ? $0 : nil } ?? last + 1.0 / 30
        time = now
        return now
    }
}

/// One person of a stream.
package struct PoseTrack {
    package let id: Int
    /// The last pose.
    package private(set) var estimate: PoseEstimate
    /// The box of the last pose, in the picture.
    package private(set) var box: BoundingBox
    /// Where the next frame is looked at.
    package private(set) var region: PoseRegion
    /// The region that the last pose asks for, unfiltered.
    package private(set) var bodyRegion: PoseRegion
    /// Seconds, of the last pose.
    package private(set) var time: Double
    /// Poses so far.
    package private(set) var age = 1
    /// Frames in a row without a pose.
    package var missed = 0
    private var filter = AlignmentFilter()
    /// Of the middle of the hips, in pixels a second.
    private var velocity: Point?

    package init(id: Int, estimate: PoseEstimate, box: BoundingBox, time: Double) {
        self.id = id
        self.estimate = estimate
        self.box = box
        self.time = time
        bodyRegion = estimate.bodyRegion
        let alignment = filter(estimate.alignment, interval: PoseTrack.firstInterval)
        region = PoseRegion(hips: alignment.hips, scale: alignment.scale)
    }

    /// Goes on with a pose found at `time`. After a gap the filter starts anew, so that the next region is where the
    /// person now is.
    package mutating func update(_ estimate: PoseEstimate, box: BoundingBox, time: Double, restart: Bool) {
        let interval = Float(max(time - self.time, 1e-3))
        let body = estimate.bodyRegion
        let step = (body.center - bodyRegion.center) * (1 / interval)
        velocity = velocity.map { ($0 + step) * 0.5 } ?? step
        if restart { filter = AlignmentFilter() }
        let alignment = filter(estimate.alignment, interval: interval)
        region = PoseRegion(hips: alignment.hips, scale: alignment.scale)
        bodyRegion = body
        self.estimate = estimate
        self.box = box
        self.time = time
        age += 1
        missed = 0
    }

    /// Where the person should be at `time`, if it goes on as before.
    package func predictedRegion(at time: Double) -> PoseRegion {
        guard let velocity else { return bodyRegion }
        return bodyRegion.moved(to: bodyRegion.center + velocity * Float(time - self.time))
    }

    private static let firstInterval: Float = 1 / 30
}
