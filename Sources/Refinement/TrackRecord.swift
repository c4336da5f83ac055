internal import Messages

/// Where and how large a person was in one frame.
struct Place: Equatable {
    let tick: Tick
    /// Centre and size of the box in pixels.
    let x, y, width, height: Float
}

/// What is kept of one track while the session is read the first time: its two ends, whatever its length. Some 2 kB, with an
/// SMPL body 5 kB: a session of 10,000 tracks takes 50 MB.
struct TrackRecord {
    let id: UInt32
    /// Frames in which the person was seen.
    private(set) var observations = 0
    /// Whether the tracker was sure of it in one of them.
    private(set) var isConfirmed = false
    /// Whether the tracker says at all how sure it is.
    private(set) var hasStates = false
    /// The first places, in order of time, and the last.
    private(set) var head: [Place] = []
    private(set) var tail: [Place] = []
    /// Keypoints of the first and of the last frame relative to the box's centre, in heights, with their scores.
    private(set) var headPose: [SIMD3<Float>] = []
    private(set) var tailPose: [SIMD3<Float>] = []
    /// What the person looks like, as first and as last seen; empty where it was not looked at.
    private(set) var headAppearance: [UInt8] = []
    private(set) var tailAppearance: [UInt8] = []
    /// SMPL's shape.
    private(set) var shapes = ShapeSamples()
    /// The picture in which the person was seen last, in pixels; 0 where unknown.
    private(set) var pictureWidth = 0
    private(set) var pictureHeight = 0

    /// Places that are kept of an end: enough for a speed, and few enough that the speed is that at the end.
    static let placesKept = 12

    init(_ id: UInt32) {
        self.id = id
    }

    var first: Tick { head[0].tick }
    var last: Tick { tail[tail.count - 1].tick }

    /// Takes the person's next observation.
    mutating func add(_ person: Person, _ tick: Tick, width: Int, height: Int) {
        observations += 1
        isConfirmed = isConfirmed || person.state == .confirmed
        hasStates = hasStates || person.state != nil
        let box = person.bbox
        let place = Place(
            tick: tick, x: box.x + box.width / 2, y: box.y + box.height / 2, width: box.width, height: box.height)
        if head.count < Self.placesKept { head.append(place) }
        if tail.count == Self.placesKept { tail.removeFirst() }
        tail.append(place)
        // Only the numbers of the last frame are needed, but which is the last is not known.
        tailPose = person.keypoints2D.map { point in
            SIMD3((point.x - place.x) / box.height, (point.y - place.y) / box.height, point.z)
        }
        if headPose.isEmpty { headPose = tailPose }
        if !person.appearance.isEmpty {
            tailAppearance = person.appearance
            if headAppearance.isEmpty { headAppearance = tailAppearance }
        }
        if let betas = person.smpl?.betas { shapes.add(betas, weight: person.score) }
        (pictureWidth, pictureHeight) = (width, height)
    }
}
