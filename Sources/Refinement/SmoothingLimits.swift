internal import Foundation
internal import Messages

/// How far each of one person's vectors may be moved, in its own units (`SmoothingBounds` for a person of this size).
struct SmoothingLimits {
    /// Pixels in the picture.
    let pixels: Double
    /// x/z and y/z of the camera.
    let direction: Double
    /// ln z of the camera.
    let depth: Double
    /// Metres in the body's frame.
    let metres: Double
    private let firstInSpace: Int

    init(_ bounds: SmoothingBounds, _ segment: TrackSegment, _ index: Int) {
        let box = segment.points[index * segment.layout.points]
        let camera = segment.points[index * segment.layout.points + 1]
        pixels = bounds.picture * box.w
        // Where the focal length is not known it is the one with which the person is as tall as people are.
        let focalLength = segment.persons[index].focalLength.map(Double.init) ?? box.w * exp(camera.z) / 1.7
        direction = pixels / max(focalLength, 1)
        depth = log(1 + bounds.depth)
        metres = bounds.metres
        firstInSpace = BodyLayout.firstKeypoint + segment.layout.keypoints2D
    }

    /// The value, brought back along the straight line to the observation where it is too far from it.
    ///
    /// - Parameter point: which vector of `BodyState` it is.
    func bounded(_ value: SIMD4<Double>, from observation: SIMD4<Double>, _ point: Int) -> SIMD4<Double> {
        let step = value - observation
        let excess: Double
        switch point {
        case 0:
            // An edge moves with the centre and with half of the size.
            excess = max(abs(step.x) + abs(step.z) / 2, abs(step.y) + abs(step.w) / 2) / pixels
        case 1:
            excess = max((step.x * step.x + step.y * step.y).squareRoot() / direction, abs(step.z) / depth)
        case firstInSpace...:
            excess = (step * step).sum().squareRoot() / metres
        default:
            excess = (step * step).sum().squareRoot() / pixels
        }
        return excess > 1 ? observation + step / excess : value
    }
}
