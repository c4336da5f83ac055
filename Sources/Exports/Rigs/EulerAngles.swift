internal import Foundation
internal import Refinement

/// Degrees about z, then the turned x, then the turned y: R = Rz Rx Ry, the channels that BVH readers know best.
struct EulerAngles: Equatable {
    var z: Double, x: Double, y: Double

    init(z: Double, x: Double, y: Double) {
        (self.z, self.x, self.y) = (z, x, y)
    }

    /// The angles of a rotation; of the two that there are, and their full turns, those nearest to the ones before, so that
    /// what is between two frames is not a jump.
    init(_ rotation: Rotation, near before: EulerAngles?) {
        let degrees = 180 / Double.pi
        // The matrix from the quaternion, in double precision.
        let q = rotation.quaternion
        let m01 = 2 * (q.x * q.y - q.z * q.w), m11 = 1 - 2 * (q.x * q.x + q.z * q.z)
        let m20 = 2 * (q.x * q.z - q.y * q.w), m22 = 1 - 2 * (q.x * q.x + q.y * q.y)
        let m21 = 2 * (q.y * q.z + q.x * q.w)
        let m00 = 1 - 2 * (q.y * q.y + q.z * q.z), m10 = 2 * (q.x * q.y + q.z * q.w)
        if abs(m21) > 1 - 1e-10 {
            // Only the sum of the outer two counts: the last is kept where it was.
            let y = before?.y ?? 0
            let sum = atan2(m10, m00) * degrees
            self.init(z: m21 > 0 ? sum - y : sum + y, x: m21 > 0 ? 90 : -90, y: y)
        } else {
            self.init(z: atan2(-m01, m11) * degrees, x: asin(m21) * degrees, y: atan2(-m20, m22) * degrees)
        }
        guard let before else { return }
        let one = nearest(to: before)
        let other = EulerAngles(z: z + 180, x: 180 - x, y: y + 180).nearest(to: before)
        self = one.distance(to: before) <= other.distance(to: before) ? one : other
    }

    private func nearest(to before: EulerAngles) -> EulerAngles {
        func turned(_ angle: Double, _ other: Double) -> Double { angle + 360 * ((other - angle) / 360).rounded() }
        return EulerAngles(z: turned(z, before.z), x: turned(x, before.x), y: turned(y, before.y))
    }

    private func distance(to other: EulerAngles) -> Double { abs(z - other.z) + abs(x - other.x) + abs(y - other.y) }
}
