/// What is remembered of one stream from frame to frame: where its persons are, and when to search again.
///
/// It says where to look in the next frame. Who a person is, is not its business: its numbers hold no longer than a person
/// is followed.
///
/// Not Sendable: it belongs to the thread that runs the estimator. Drop it when the stream ends.
public final class PoseTracker {
    package var tracks: [PoseTrack] = []
    package var nextID = 1
    /// Frames of this shot seen so far.
    package private(set) var shotFrames = 0
    /// Frames since the last detection in the whole picture.
    package var framesSinceDetection: Int?
    /// Where the search of a picture without persons goes on.
    package var searchStep = 0
    /// Frames in a row without a person.
    package var emptyFrames = 0
    /// The next frame begins a shot.
    private(set) var isCut = false
    /// Seconds, of the last frame.
    package var time: Double?
    /// Whether the next frame comes whether this one is finished or not: a search is spread over frames then.
    public var isLive = false
    /// The round of a spread search that comes next.
    private var nextRound = 1
    /// Network runs spent on searching in this frame.
    private var spent = 0
    /// Network runs that may be spent on searching; negative while a search that cost more is being paid back.
    private var allowance = PoseTracker.largestAllowance

    /// Runs that each frame adds: searching costs in the long run at most six times what following one person does.
    private static let allowancePerFrame = 6
    /// Runs that a stream may save up, so that a person lost once is looked for at once with all there is.
    private static let largestAllowance = 20

    /// Runs after which nothing more is begun in a frame of a live stream. What has begun is finished, so a frame can cost three
    /// times as many.
    private static let liveSearches = 3

    /// A stream without history.
    public init() {}

    /// A stream that another process followed.
    ///
    /// - Parameter numbers: what `numbers` of the other tracker were; anything else makes a stream without history.
    public init(numbers: [Double]) {
        let perTrack = PoseTrack.numberCount
        guard numbers.count >= 6, (numbers.count - 6).isMultiple(of: perTrack),
            numbers.allSatisfy({ abs($0) < 0x1p52 }),
            let nextID = Int(exactly: numbers[0]), let frames = Int(exactly: numbers[1]),
            let since = Int(exactly: numbers[2]), let step = Int(exactly: numbers[3]), step >= 0,
            let empty = Int(exactly: numbers[4])
        else { return }
        let tracks = stride(from: 6, to: numbers.count, by: perTrack).compactMap {
            PoseTrack(numbers: Array(numbers[$0..<($0 + perTrack)]))
        }
        self.tracks = tracks
        self.nextID = nextID
        shotFrames = frames
        framesSinceDetection = since < 0 ? nil : since
        searchStep = step
        emptyFrames = empty
        time = numbers[5] < 0 ? nil : numbers[5]
    }

    /// Everything another process needs to go on following: six numbers and 19 a person.
    public var numbers: [Double] {
        [
            Double(nextID), Double(shotFrames), Double(framesSinceDetection ?? -1), Double(searchStep),
            Double(emptyFrames), time ?? -1,
        ] + tracks.flatMap(\.numbers)
    }

    /// Says that the next frame begins a shot: whoever is not at the same place there is not looked for around it, and the
    /// whole picture is searched.
    public func cut() {
        isCut = true
        shotFrames = 0
        framesSinceDetection = nil
        allowance = PoseTracker.largestAllowance
    }

    /// Whether the frame in hand begins a shot; true once.
    func takeCut() -> Bool {
        defer { isCut = false }
        return isCut
    }

    /// Whether a search may begin.
    package var maySearch: Bool { allowance > 0 && (!isLive || spent < PoseTracker.liveSearches) }

    /// Notes one network run that was spent on searching.
    package func charge() {
        allowance -= 1
        spent += 1
    }

    /// Whether a round of a search may begin in this frame. Round 0 always may; of the others those of a spread search that
    /// have not had their turn, one after the other.
    package func mayBegin(round: Int) -> Bool { maySearch && (!isLive || round == 0 || round >= nextRound) }

    /// Notes that a round has had its turn.
    package func begin(round: Int) { nextRound = max(nextRound, round + 1) }

    /// Notes that a search is over for this frame; it begins anew where nobody is lost or all rounds have had their turn.
    package func endSearch(rounds: Int, isComplete: Bool) {
        if isComplete || nextRound >= rounds { nextRound = 1 }
    }

    /// Seconds from the last frame to one taken at `timestamp`; moves on to it. Frames without a usable time are
    /// taken to be a thirtieth of a second apart, as MediaPipe's Python interface does.
    package func advance(to timestamp: Double?) -> Double {
        shotFrames += 1
        framesSinceDetection? += 1
        spent = 0
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
    /// The usual time from frame to frame, in seconds.
    private var interval = Double(PoseTrack.firstInterval)

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
        // One long pause is not yet a slower camera.
        self.interval = min(max(time - self.time, 1e-3) / Double(missed + 1), 2 * self.interval)
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
    ///
    /// For no longer than twice the usual time of the frames without a pose: a camera that stalled, or whose clock jumped, has
    /// not carried anybody as far as the clock says.
    package func predictedRegion(at time: Double) -> PoseRegion {
        guard let velocity else { return bodyRegion }
        let elapsed = min(time - self.time, 2 * interval * Double(missed + 1))
        return bodyRegion.moved(to: bodyRegion.center + velocity * Float(elapsed))
    }

    /// How many numbers stand for a person.
    static let numberCount = 19

    /// From what `numbers` were; the pose itself is not among them, it is found anew.
    init?(numbers: [Double]) {
        guard numbers.count == Self.numberCount, let id = Int(exactly: numbers[0]), let age = Int(exactly: numbers[1]),
            let missed = Int(exactly: numbers[2])
        else { return nil }
        func square(_ first: Int) -> PoseRegion {
            PoseRegion(
                centerX: Float(numbers[first]), centerY: Float(numbers[first + 1]), size: Float(numbers[first + 2]),
                rotation: Float(numbers[first + 3]))
        }
        self.id = id
        self.age = age
        self.missed = missed
        time = numbers[3]
        region = square(4)
        bodyRegion = square(8)
        box = BoundingBox(
            x: Float(numbers[12]), y: Float(numbers[13]), width: Float(numbers[14]), height: Float(numbers[15]))
        velocity = Point(x: Float(numbers[16]), y: Float(numbers[17]))
        interval = numbers[18]
        let middle = bodyRegion.center
        estimate = PoseEstimate(
            score: 0, landmarks: [], world: [], alignment: (hips: middle, scale: middle), region: region)
    }

    var numbers: [Double] {
        let values = [Double(id), Double(age), Double(missed), time]
        let regions = [region, bodyRegion].flatMap { [$0.centerX, $0.centerY, $0.size, $0.rotation] }
        let rest = [box.x, box.y, box.width, box.height, velocity?.x ?? 0, velocity?.y ?? 0]
        return values + (regions + rest).map(Double.init) + [interval]
    }

    private static let firstInterval: Float = 1 / 30
}
