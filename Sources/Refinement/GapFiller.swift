internal import Foundation
internal import Messages

/// A person between two observations: where nothing was seen, from what was seen on both sides.
///
/// Vectors follow the cubic Hermite curve through both ends with the speeds that the observations on either side show. Its
/// bulge away from the straight line is limited: a speed seen for a third of a second says little about a whole second.
/// Rotations do the same around the shortest geodesic of SO(3), in the tangent space of its beginning: they lie on the geodesic
/// (slerp) where nothing is known of their speeds, and at both ends always.
struct GapFiller {
    /// The longest gap, in seconds: the score falls over it.
    let maxGap: Double
    let smoother: TrackSmoother?

    /// How far the curve may leave the straight line, as a share of the person's height: an arm's thickness.
    private static let bulge = 0.1
    /// The same for joints, in radians.
    private static let turnLimit = SIMD4<Double>(repeating: 0.35 / hermiteBulge)
    /// A person's height in metres, for lengths in space.
    private static let height = 1.7
    /// The speed at an end is that over so many seconds before (or after) it.
    private static let slopeReach = 0.3
    /// The largest value of a Hermite curve between zeros with slope 1 at one end, as a share of its length: at a third.
    private static let hermiteBulge = 4.0 / 27.0

    /// The person at a time between two neighbouring observations of a segment.
    func person(_ segment: TrackSegment, after index: Int, at time: Double, shape: [Float]?) -> Person {
        let (before, after) = (segment.times[index], segment.times[index + 1])
        let duration = after - before
        let share = (time - before) / duration
        let left = state(segment, index)
        let right = state(segment, index + 1)

        var state = left
        let (leftSlopes, rightSlopes) = (slopes(segment, index, step: -1), slopes(segment, index + 1, step: 1))
        let box = left.points[0] * 0.5 + right.points[0] * 0.5
        for point in state.points.indices {
            let chord = right.points[point] - left.points[point]
            let limit = bulgeLimit(segment, index, point, height: box.w)
            // How the curve would leave the straight line at either end, over the whole duration.
            let departure = limited((leftSlopes?[point] ?? chord / duration) * duration - chord, limit)
            let arrival = limited((rightSlopes?[point] ?? chord / duration) * duration - chord, limit)
            let s = share
            state.points[point] =
                left.points[point] + chord * s + departure * (s * (1 - s) * (1 - s)) - arrival * (s * s * (1 - s))
        }
        for joint in state.rotations.indices {
            let chord = left.rotations[joint].tangent(to: right.rotations[joint])
            var tangent = chord * share
            if let first = turn(segment, index, joint, step: -1), let last = turn(segment, index + 1, joint, step: 1) {
                // A rate in the axes of the end is one in the tangent space of the beginning by the inverse right Jacobian of
                // SO(3), to first order in the chord (Solà, eq. 144).
                let carried =
                    last + SIMD3(
                        chord.y * last.z - chord.z * last.y, chord.z * last.x - chord.x * last.z,
                        chord.x * last.y - chord.y * last.x) / 2
                let departure = limited(SIMD4(first * duration - chord, 0), Self.turnLimit)
                let arrival = limited(SIMD4(carried * duration - chord, 0), Self.turnLimit)
                let s = share
                let bulge = departure * (s * (1 - s) * (1 - s)) - arrival * (s * s * (1 - s))
                tangent += SIMD3(bulge.x, bulge.y, bulge.z)
            }
            state.rotations[joint] = left.rotations[joint] * Rotation(exp: tangent)
        }

        let (first, second) = (segment.persons[index], segment.persons[index + 1])
        var person = share < 0.5 ? first : second
        person.take(state, segment.layout)
        person.observed = false
        person.state = .predicted
        // Full at the evidence, falling by the whole over the longest gap: half of it in the middle of that.
        let distance = min(time - before, after - time)
        let decay = Float(max(0, 1 - distance / maxGap))
        person.score = (first.score + (second.score - first.score) * Float(share)) * decay
        for keypoint in person.keypoints2D.indices {
            let (a, b) = (first.keypoints2D[keypoint].z, second.keypoints2D[keypoint].z)
            person.keypoints2D[keypoint].z = (a + (b - a) * Float(share)) * decay
        }
        if !segment.layout.hasCamera, let a = first.cameraTranslation, let b = second.cameraTranslation {
            person.cameraTranslation = a + (b - a) * Float(share)
        }
        if let shape { person.smpl?.betas = shape }
        return person
    }

    /// An end of the gap, smoothed; kept for the other frames of the gap.
    private func state(_ segment: TrackSegment, _ index: Int) -> BodyState {
        guard let smoother else { return segment.state(at: index) }
        let sequence = segment.sequences[index]
        if let state = segment.smoothed[sequence] { return state }
        let state = smoother.smoothed(segment, at: index)
        segment.smoothed[sequence] = state
        return state
    }

    /// Each vector's change a second at one end of a gap: the least-squares line through the observations on its own side.
    /// Nil where fewer than four lie near: the curve is then straight at that end.
    private func slopes(_ segment: TrackSegment, _ end: Int, step: Int) -> [SIMD4<Double>]? {
        guard let line = line(segment, end, step: step) else { return nil }
        let count = segment.layout.points
        return (0..<count).map { point in
            line.reduce(SIMD4<Double>.zero) { $0 + segment.points[$1.index * count + point] * $1.weight }
        }
    }

    /// A joint's rate of turning at one end of a gap, a rotation vector a second in the joint's own axes there.
    private func turn(_ segment: TrackSegment, _ end: Int, _ joint: Int, step: Int) -> SIMD3<Double>? {
        guard let line = line(segment, end, step: step) else { return nil }
        let stride = segment.layout.joints
        let here = segment.rotations[end * stride + joint]
        return line.reduce(SIMD3<Double>.zero) {
            $0 + here.tangent(to: segment.rotations[$1.index * stride + joint]) * $1.weight
        }
    }

    /// The observations near one end of a gap, on its own side, and their weights in a least-squares line's slope.
    private func line(_ segment: TrackSegment, _ end: Int, step: Int) -> [(index: Int, weight: Double)]? {
        let times = segment.times
        var indices: [Int] = []
        var index = end
        while times.indices.contains(index), abs(times[index] - times[end]) <= Self.slopeReach, indices.count < 12 {
            indices.append(index)
            index += step
        }
        guard indices.count >= 4 else { return nil }
        let mean = indices.reduce(0) { $0 + times[$1] } / Double(indices.count)
        let spread = indices.reduce(0) { $0 + (times[$1] - mean) * (times[$1] - mean) }
        return indices.map { ($0, (times[$0] - mean) / spread) }
    }

    private func bulgeLimit(_ segment: TrackSegment, _ index: Int, _ point: Int, height: Double) -> SIMD4<Double> {
        let firstInSpace = BodyLayout.firstKeypoint + segment.layout.keypoints2D
        let limit: SIMD4<Double>
        switch point {
        case 1:
            // The direction by the pixels it stands for, the logarithm of depth as a share like a height.
            let focalLength =
                segment.persons[index].focalLength.map(Double.init)
                ?? height * exp(segment.points[index * segment.layout.points + 1].z) / Self.height
            let direction = Self.bulge * height / max(focalLength, 1)
            limit = SIMD4(direction, direction, Self.bulge, 0)
        case firstInSpace...: limit = SIMD4(repeating: Self.bulge * Self.height)
        default: limit = SIMD4(repeating: Self.bulge * height)
        }
        return limit / Self.hermiteBulge
    }

    private func limited(_ value: SIMD4<Double>, _ limit: SIMD4<Double>) -> SIMD4<Double> {
        pointwiseMax(pointwiseMin(value, limit), -limit)
    }
}
