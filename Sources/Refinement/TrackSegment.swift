internal import Messages

/// A stretch of one person's observations that is smoothed and filled as one: all of one layout, without a gap too long to
/// be filled. The oldest leave it when nothing needs them any more.
///
/// One array for each kind of number, one row an observation: the smoother runs over columns of them.
final class TrackSegment {
    let layout: BodyLayout
    private(set) var sequences: [UInt64] = []
    /// Seconds, rising.
    private(set) var times: [Double] = []
    /// What is not computed: scores, focal length, shape.
    private(set) var persons: [Person] = []
    /// `layout.points` an observation.
    private(set) var points: [SIMD4<Double>] = []
    /// `layout.joints` an observation.
    private(set) var rotations: [Rotation] = []
    /// How much each keypoint counts: its score squared, since a keypoint half as sure lies twice as far off. One row an
    /// observation, `keypoints` long.
    private(set) var confidences: [Double] = []
    /// Keypoints with confidences of their own.
    let keypoints: Int
    /// Observations that have left.
    private(set) var left = 0

    /// The noise of each vector and of each joint as last determined, and for which observation.
    var noise: (points: [SIMD4<Double>], joints: [SIMD4<Double>], block: Int)?
    /// Smoothed observations beside a gap, needed for each frame in it.
    var smoothed: [UInt64: BodyState] = [:]
    /// The frame before the gap that was filled last.
    var lastGapFilled: UInt64?

    /// The least a keypoint counts: one that is not seen is guessed, and its guesses may still be steadied.
    private static let leastConfidence = 0.01

    init(_ layout: BodyLayout) {
        self.layout = layout
        keypoints = max(layout.keypoints2D, layout.keypoints3D)
    }

    var count: Int { times.count }
    var isEmpty: Bool { times.isEmpty }

    func append(_ person: Person, _ state: BodyState, sequence: UInt64, time: Double) {
        sequences.append(sequence)
        times.append(time)
        var rest = person
        rest.appearance = []
        persons.append(rest)
        points += state.points
        rotations += state.rotations
        for index in 0..<keypoints {
            let score = index < person.keypoints2D.count ? Double(person.keypoints2D[index].z) : 1
            confidences.append(min(max(score * score, Self.leastConfidence), 1))
        }
    }

    /// The observation of a frame, or the last one before it; nil where there is none.
    func index(atOrBefore sequence: UInt64) -> Int? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if sequences[middle] <= sequence { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }

    /// The numbers as they were observed.
    func state(at index: Int) -> BodyState {
        BodyState(
            points: Array(points[index * layout.points..<(index + 1) * layout.points]),
            rotations: Array(rotations[index * layout.joints..<(index + 1) * layout.joints]))
    }

    /// Lets observations before a time go, but for the last one before it. In blocks: what stays has to be moved.
    func release(before time: Double) {
        var release = 0
        while release + 1 < count, times[release + 1] < time { release += 1 }
        guard release >= 64 else { return }
        for sequence in sequences.prefix(release) { smoothed[sequence] = nil }
        sequences.removeFirst(release)
        times.removeFirst(release)
        persons.removeFirst(release)
        points.removeFirst(release * layout.points)
        rotations.removeFirst(release * layout.joints)
        confidences.removeFirst(release * keypoints)
        left += release
    }
}
