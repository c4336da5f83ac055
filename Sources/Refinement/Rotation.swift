internal import Foundation

/// A rotation in space, as a unit quaternion. What is averaged, interpolated and filtered here are rotations: numbers of
/// matrices, averaged one by one, are no rotation any more.
///
/// Source of the maps: J. Solà, J. Deray, D. Atchuthan, "A micro Lie theory for state estimation in robotics", 2018,
/// example 4 and appendix B: `exp` takes a rotation vector (axis times angle in radians, the tangent space at the
/// identity) to a rotation, `log` is its inverse with angles up to π.
package struct Rotation: Sendable, Equatable {
    /// x, y, z, w; of length 1. `q` and `-q` are the same rotation.
    package private(set) var quaternion: SIMD4<Double>

    /// No rotation.
    package static let identity = Rotation(quaternion: SIMD4(0, 0, 0, 1))

    private init(quaternion: SIMD4<Double>) {
        self.quaternion = quaternion
    }

    /// The rotation nearest to a matrix that is one up to rounding.
    ///
    /// Source: S. W. Shepperd, "Quaternion from rotation matrix", 1978: the largest component first, so that nothing small
    /// is divided by.
    ///
    /// - Parameter matrix: 9 numbers, row-major. One without any rotation in it (all zeros) gives the identity.
    package init(rowMajor matrix: some Collection<Float>) {
        precondition(matrix.count == 9, "a 3 × 3 matrix has 9 numbers")
        let m = matrix.map(Double.init)
        let (m00, m11, m22) = (m[0], m[4], m[8])
        let candidates = [m00 + m11 + m22, m00 - m11 - m22, m11 - m00 - m22, m22 - m00 - m11]
        let largest = candidates.indices.max { candidates[$0] < candidates[$1] } ?? 0
        let twice = 1 + candidates[largest]
        let q: SIMD4<Double> =
            switch largest {
            case 1: SIMD4(twice, m[3] + m[1], m[6] + m[2], m[7] - m[5])
            case 2: SIMD4(m[3] + m[1], twice, m[7] + m[5], m[2] - m[6])
            case 3: SIMD4(m[6] + m[2], m[7] + m[5], twice, m[3] - m[1])
            default: SIMD4(m[7] - m[5], m[2] - m[6], m[3] - m[1], twice)
            }
        let length = (q * q).sum().squareRoot()
        self.init(quaternion: length > 0 && length.isFinite ? q / length : Rotation.identity.quaternion)
    }

    /// The rotation about an axis by an angle: the exponential map.
    ///
    /// - Parameter vector: axis times angle, radians.
    package init(exp vector: SIMD3<Double>) {
        let angle = (vector * vector).sum().squareRoot()
        // sin(a/2)/a, by its series where the division would lose digits.
        let scale = angle < 1e-4 ? 0.5 - angle * angle / 48 : sin(angle / 2) / angle
        let v = vector * scale
        self.init(quaternion: SIMD4(v.x, v.y, v.z, cos(angle / 2)))
    }

    /// Axis times angle in radians, the angle from 0 to π: the logarithm.
    package var log: SIMD3<Double> {
        // Of the two quaternions the one with the shorter way.
        let q = quaternion.w < 0 ? -quaternion : quaternion
        let v = SIMD3(q.x, q.y, q.z)
        let sine = (v * v).sum().squareRoot()
        return sine < 1e-9 ? v * 2 : v * (2 * atan2(sine, q.w) / sine)
    }

    /// 9 numbers, row-major.
    package var rowMajor: [Float] {
        let (x, y, z, w) = (quaternion.x, quaternion.y, quaternion.z, quaternion.w)
        let m = [
            1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
            2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
            2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
        ]
        return m.map(Float.init)
    }

    /// The same rotation back.
    package var inverse: Rotation {
        Rotation(quaternion: quaternion * SIMD4(-1, -1, -1, 1))
    }

    /// First the right one, then the left one, as with matrices.
    package static func * (left: Rotation, right: Rotation) -> Rotation {
        let (a, b) = (left.quaternion, right.quaternion)
        let q = SIMD4(
            a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
            a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
            a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w,
            a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z)
        return Rotation(quaternion: q / (q * q).sum().squareRoot())
    }

    /// A point, turned.
    package func callAsFunction(_ point: SIMD3<Double>) -> SIMD3<Double> {
        let axis = SIMD3(quaternion.x, quaternion.y, quaternion.z)
        let turned = 2 * axis.cross(point)
        return point + quaternion.w * turned + axis.cross(turned)
    }

    /// The rotation vector that leads from here to `other`, in this rotation's own axes.
    package func tangent(to other: Rotation) -> SIMD3<Double> {
        (inverse * other).log
    }

    /// Radians between two rotations, 0 to π.
    package func angle(to other: Rotation) -> Double {
        let v = tangent(to: other)
        return (v * v).sum().squareRoot()
    }

    /// A point of the shortest geodesic to `other`, passed at constant speed (Shoemake's slerp, 1985).
    ///
    /// - Parameter share: 0 here, 1 there.
    package func interpolated(to other: Rotation, share: Double) -> Rotation {
        self * Rotation(exp: tangent(to: other) * share)
    }
}

extension SIMD3<Double> {
    /// The vector at right angles to both, as long as the area they span.
    package func cross(_ other: SIMD3<Double>) -> SIMD3<Double> {
        SIMD3(y * other.z - z * other.y, z * other.x - x * other.z, x * other.y - y * other.x)
    }
}
