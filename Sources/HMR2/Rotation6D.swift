/// Rotations as six numbers, a representation without jumps.
///
/// Source: Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019, appendix B; in
/// the order of 4D-Humans `hmr2/utils/geometry.py`, `rot6d_to_rotmat`.
package enum Rotation6D {
    /// Turns six numbers a rotation into matrices, row-major.
    ///
    /// - Parameter values: the first two columns, one after the other, of any length and angle to each other; n × 6.
    /// - Returns: n × 9.
    package static func matrices(_ values: [Float]) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(values.count / 6 * 9)
        for first in stride(from: 0, to: values.count - values.count % 6, by: 6) {
            let a = SIMD3(values[first], values[first + 1], values[first + 2])
            let b = SIMD3(values[first + 3], values[first + 4], values[first + 5])
            let x = unit(a)
            let y = unit(b - x * (x * b).sum())
            let z = SIMD3(x.y * y.z - x.z * y.y, x.z * y.x - x.x * y.z, x.x * y.y - x.y * y.x)
            for row in 0..<3 { result += [x[row], y[row], z[row]] }
        }
        return result
    }

    private static func unit(_ vector: SIMD3<Float>) -> SIMD3<Float> {
        vector / max((vector * vector).sum().squareRoot(), 1e-12)
    }
}
