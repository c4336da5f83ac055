/// A pose made of joints alone, as a vector whose squared distances are in the unit of SMPL's: how PHALP compares poses
/// where there is no body model.
///
/// SMPL's pose is a rotation matrix a joint, and two matrices that are an angle θ apart differ by 4(1 − cos θ) in squared
/// distance. Here the torso has such a matrix (its axes as columns: to the left shoulder, up the spine, out of the chest),
/// and each of eight limb segments the direction of its bone in the torso's own frame times √2, which differs by
/// 4(1 − cos θ) for the same angle. The constants fitted with SMPL so keep their meaning.
package enum TorsoPose {
    /// Numbers in a vector.
    package static let count = 9 + 8 * 3

    /// - Parameter joints: in metres or any other unit, in any frame whose axes are the camera's.
    /// - Returns: zeros where the torso has no extent.
    package static func vector(_ joints: [SIMD3<Float>], layout: BodyLayout) -> [Float] {
        let hips = (joints[layout.leftHip] + joints[layout.rightHip]) / 2
        let shoulders = (joints[layout.leftShoulder] + joints[layout.rightShoulder]) / 2
        let across =
            joints[layout.leftShoulder] - joints[layout.rightShoulder] + joints[layout.leftHip]
            - joints[layout.rightHip]
        guard let up = unit(shoulders - hips), let left = unit(across - dot(across, up) * up) else {
            return [Float](repeating: 0, count: count)
        }
        let out = cross(left, up)
        var vector: [Float] = []
        vector.reserveCapacity(count)
        // Row by row, the axes as columns.
        for axis in 0..<3 { vector += [left[axis], up[axis], out[axis]] }
        for (from, to) in [
            (layout.leftShoulder, layout.leftElbow), (layout.leftElbow, layout.leftWrist),
            (layout.rightShoulder, layout.rightElbow), (layout.rightElbow, layout.rightWrist),
            (layout.leftHip, layout.leftKnee), (layout.leftKnee, layout.leftAnkle),
            (layout.rightHip, layout.rightKnee), (layout.rightKnee, layout.rightAnkle),
        ] {
            let bone = (unit(joints[to] - joints[from]) ?? .zero) * Float(2).squareRoot()
            vector += [dot(bone, left), dot(bone, up), dot(bone, out)]
        }
        return vector
    }

    private static func dot(_ a: SIMD3<Float>, _ b: SIMD3<Float>) -> Float { (a * b).sum() }

    private static func cross(_ a: SIMD3<Float>, _ b: SIMD3<Float>) -> SIMD3<Float> {
        SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
    }

    private static func unit(_ a: SIMD3<Float>) -> SIMD3<Float>? {
        let length = dot(a, a).squareRoot()
        return length > 1e-6 && length.isFinite ? a / length : nil
    }
}
