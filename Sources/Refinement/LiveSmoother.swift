public import Messages

/// Steadies the persons of one live stream with what has been seen so far: a 1€ filter for every keypoint, for the box and the
/// camera, and on SO(3) for every joint of SMPL.
///
/// One value a stream; its memory is a few kilobytes a person, of at most 64 persons, each forgotten a second after it was
/// seen last. Not for what is stored to be refined: refining wants what was observed.
public struct LiveSmoother: Sendable {
    /// For lengths in heights of the person.
    public var lengths: OneEuro
    /// For joints, in radians.
    public var rotations: OneEuro

    private var tracks: [UInt32: Track] = [:]

    private struct Track {
        var time: Double
        let layout: BodyLayout
        var points: [OneEuroVector]
        var rotations: [OneEuroRotation]
        var betas: [Float]
    }

    /// Seconds after which a person who was not seen begins anew.
    private static let memory = 1.0
    private static let mostTracks = 64
    /// A person's height in metres, the unit of speeds in space.
    private static let height = 1.7
    /// A body does not change: its shape is followed over seconds.
    private static let shapeCutoff = 0.05

    /// Persons in memory.
    package var tracksHeld: Int { tracks.count }

    /// The filters' constants; the defaults take off most of a keypoint's jitter and lag a fast arm by a frame.
    public init(
        lengths: OneEuro = OneEuro(minimumCutoff: 0.5, beta: 30, derivativeCutoff: 1),
        rotations: OneEuro = OneEuro(minimumCutoff: 0.5, beta: 6, derivativeCutoff: 1)
    ) {
        self.lengths = lengths
        self.rotations = rotations
    }

    /// The persons of the next frame, steadied. Predicted ones pass through the same filters.
    ///
    /// - Parameter time: of the frame, in seconds; one that is not later than the last changes nothing.
    public mutating func smooth(_ persons: [Person], at time: Double) -> [Person] {
        tracks = tracks.filter { time - $0.value.time <= Self.memory && $0.value.time <= time }
        return persons.map { smooth($0, at: time) }
    }

    private mutating func smooth(_ person: Person, at time: Double) -> Person {
        let layout = BodyLayout(person)
        guard let state = BodyState(person, layout) else { return person }
        guard var track = tracks.removeValue(forKey: person.trackID), track.layout == layout, time > track.time else {
            if tracks.count < Self.mostTracks {
                tracks[person.trackID] = Track(
                    time: time, layout: layout, points: state.points.map(OneEuroVector.init),
                    rotations: state.rotations.map(OneEuroRotation.init), betas: person.smpl?.betas ?? [])
            }
            return person
        }
        let interval = time - track.time
        track.time = time
        var result = person
        var smoothed = state
        let box = max(state.points[0].w, 1)
        let firstInSpace = BodyLayout.firstKeypoint + layout.keypoints2D
        for point in smoothed.points.indices {
            let unit = point == 1 ? 1 : point >= firstInSpace ? Self.height : box
            let keypoint = point >= firstInSpace ? point - firstInSpace : point - BodyLayout.firstKeypoint
            let confidence =
                person.keypoints2D.indices.contains(keypoint)
                ? min(max(Double(person.keypoints2D[keypoint].z), 0.1), 1) : 1
            smoothed.points[point] = track.points[point].filter(
                state.points[point], lengths, interval: interval, unit: unit, confidence: confidence)
        }
        for joint in smoothed.rotations.indices {
            smoothed.rotations[joint] = track.rotations[joint].filter(
                state.rotations[joint], rotations, interval: interval)
        }
        result.take(smoothed, layout)
        if let betas = person.smpl?.betas, betas.count == track.betas.count {
            let share = Float(OneEuro.weight(Self.shapeCutoff, interval))
            track.betas = zip(track.betas, betas).map { $0 + ($1 - $0) * share }
            result.smpl?.betas = track.betas
        }
        tracks[person.trackID] = track
        return result
    }
}
