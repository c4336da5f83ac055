internal import Foundation

/// How far smoothing moved what was observed, summed up.
struct Displacement {
    private var pixels = Mean()
    private var share = Mean()
    private var metres = Mean()
    private var radians = Mean()

    private struct Mean {
        var sum = 0.0
        var count = 0
        var value: Double { count == 0 ? 0 : sum / Double(count) }

        mutating func add(_ value: Double) {
            sum += value
            count += 1
        }
    }

    /// Adds one observation and what became of it.
    mutating func add(_ segment: TrackSegment, _ index: Int, _ state: BodyState) {
        let layout = segment.layout
        let start = index * layout.points
        let firstInSpace = BodyLayout.firstKeypoint + layout.keypoints2D
        let height = segment.points[start].w
        for point in BodyLayout.firstKeypoint..<layout.points {
            let step = state.points[point] - segment.points[start + point]
            let length = (step * step).sum().squareRoot()
            if point < firstInSpace {
                pixels.add(length)
                share.add(length / height)
            } else {
                metres.add(length)
            }
        }
        for joint in 0..<layout.joints {
            radians.add(segment.rotations[index * layout.joints + joint].angle(to: state.rotations[joint]))
        }
    }

    func write(to summary: inout RefinementSummary) {
        // Rounded, so that a summary reads well; nobody computes with more.
        func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }
        summary.meanDisplacementPixels = rounded(pixels.value)
        summary.meanDisplacementShare = rounded(share.value)
        summary.meanDisplacementMillimetres = rounded(metres.value * 1000)
        summary.meanRotationDegrees = rounded(radians.value * 180 / .pi)
    }
}
