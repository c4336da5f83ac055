internal import CSMPL
internal import Checkpoints
package import Weights

/// SMPL on the CPU without libtorch: single bodies of parameters that were stored, and the batches of module `SMPL`.
///
/// Source: Loper et al. 2015, equations 2–10, in the order of smplx `lbs.py`. Metres, the body's own frame.
///
/// `@unchecked Sendable` because the model behind the pointer never changes.
package final class BodyModel: @unchecked Sendable {
    /// The number of joints.
    package static let jointCount = SMPLFile.jointCount

    /// The mesh's triangles as places of vertices, three each.
    package let faces: [Int]
    /// The number of vertices V.
    package let vertexCount: Int
    /// The joint that each joint hangs on; -1 for the pelvis, which is the first.
    package let parents: [Int]

    private let model: OpaquePointer
    private let skinningWeights: [Float]  // (V, 24)

    /// SMPL of a folder in 4D-Humans' layout: the checkpoint's numbers where it holds them, and the file's.
    ///
    /// - Throws: `WeightError` or `CheckpointError`, naming what is missing or of another shape.
    package convenience init(_ folder: HMR2Folder) throws {
        self.init(try folder.bodyModel())
    }

    /// The kernels that this machine can run, one an instruction set, the best first.
    package static let kernels = (0..<csmpl_kernel_count()).map { String(cString: csmpl_kernel_name($0)) }

    /// A model from its numbers.
    ///
    /// - Parameter kernel: a place in `kernels`.
    package init(_ file: SMPLFile, kernel: Int = 0) {
        faces = file.faces
        vertexCount = file.vertexCount
        parents = file.parents
        skinningWeights = file.skinningWeights
        var numbers = csmpl_numbers()
        numbers.vertices = Int32(file.vertexCount)
        numbers.joints = Int32(SMPLFile.jointCount)
        numbers.betas = Int32(SMPLFile.betaCount)
        let parents = file.parents.map { Int32($0) }
        let model = file.template.withUnsafeBufferPointer { template in
            file.shapeDirections.withUnsafeBufferPointer { shapes in
                file.poseDirections.withUnsafeBufferPointer { poses in
                    file.jointRegressor.withUnsafeBufferPointer { regressor in
                        file.skinningWeights.withUnsafeBufferPointer { weights in
                            parents.withUnsafeBufferPointer { parents in
                                numbers.rest = template.baseAddress
                                numbers.shape_directions = shapes.baseAddress
                                numbers.pose_directions = poses.baseAddress
                                numbers.joint_regressor = regressor.baseAddress
                                numbers.weights = weights.baseAddress
                                numbers.parents = parents.baseAddress
                                return csmpl_create(&numbers, Int32(kernel))
                            }
                        }
                    }
                }
            }
        }
        guard let model else { fatalError("there is not enough memory for SMPL") }
        self.model = model
    }

    deinit { csmpl_free(model) }

    /// The joints of a shape in the rest pose, 24.
    ///
    /// - Parameter betas: 10 numbers; missing ones count as 0.
    package func restJoints(betas: [Float]) -> [SIMD3<Float>] {
        let joints = [Float](unsafeUninitializedCapacity: 3 * Self.jointCount) { joints, count in
            csmpl_rest_joints(model, Self.ten(betas), joints.baseAddress)
            count = joints.count
        }
        return Self.points(joints)
    }

    /// The mesh of a shape in the rest pose, V.
    ///
    /// - Parameter betas: 10 numbers; missing ones count as 0.
    package func restVertices(betas: [Float]) -> [SIMD3<Float>] {
        pose(betas: betas, rotations: Array(repeating: Turn.none.rows, count: Self.jointCount).flatMap { $0 }).vertices
    }

    /// The joints that move a vertex most, at most four, and how much: what skinned meshes of other formats can hold. The
    /// weights sum to 1.
    package func strongestJoints(of vertex: Int) -> [(joint: Int, weight: Float)] {
        let first = vertex * Self.jointCount
        let four = (0..<Self.jointCount).map { (joint: $0, weight: skinningWeights[first + $0]) }
            .filter { $0.weight != 0 }
            .sorted { ($0.weight, $1.joint) > ($1.weight, $0.joint) }.prefix(4)
        let total = four.reduce(0) { $0 + $1.weight }
        return four.map { ($0.joint, $0.weight / total) }
    }

    /// Poses a body.
    ///
    /// - Parameters:
    ///   - betas: shape, 10 numbers; missing ones count as 0.
    ///   - globalOrient: the pelvis' rotation matrix, row-major, 9 numbers.
    ///   - bodyPose: those of the 23 joints after it, 207 numbers.
    /// - Returns: V vertices and 24 joints, before any translation.
    package func pose(
        betas: [Float], globalOrient: [Float], bodyPose: [Float]
    ) -> (vertices: [SIMD3<Float>], joints: [SIMD3<Float>]) {
        pose(betas: betas, rotations: Self.turns(globalOrient, bodyPose))
    }

    private func pose(betas: [Float], rotations: [Float]) -> (vertices: [SIMD3<Float>], joints: [SIMD3<Float>]) {
        var joints = [Float](repeating: 0, count: 3 * Self.jointCount)
        let vertices = [SIMD3<Float>](unsafeUninitializedCapacity: vertexCount) { vertices, count in
            pose(
                bodies: 1, betas: Self.ten(betas), rotations: rotations,
                // In memory a SIMD3 is four floats.
                vertices: UnsafeMutableRawPointer(vertices.baseAddress)?.assumingMemoryBound(to: Float.self),
                vertexStride: 4, joints: &joints)
            count = vertexCount
        }
        return (vertices, Self.points(joints))
    }

    /// The joints alone, 24: a thousandth of the work.
    package func joints(betas: [Float], globalOrient: [Float], bodyPose: [Float]) -> [SIMD3<Float>] {
        var joints = [Float](repeating: 0, count: 3 * Self.jointCount)
        pose(
            bodies: 1, betas: Self.ten(betas), rotations: Self.turns(globalOrient, bodyPose), vertices: nil,
            vertexStride: 3, joints: &joints)
        return Self.points(joints)
    }

    /// Poses a batch of bodies in place.
    ///
    /// - Parameters:
    ///   - bodies: how many, B.
    ///   - betas: shapes, (B, 10).
    ///   - rotations: rotation matrices, row-major, the pelvis' first, (B, 24, 3, 3).
    ///   - vertices: takes the meshes, (B, V, 3), before any translation; nil where only joints are wanted.
    ///   - vertexStride: floats from one vertex to the next, 3 or 4.
    ///   - joints: takes the joints, (B, 24, 3).
    package func pose(
        bodies: Int, betas: UnsafePointer<Float>, rotations: UnsafePointer<Float>,
        vertices: UnsafeMutablePointer<Float>?, vertexStride: Int, joints: UnsafeMutablePointer<Float>
    ) {
        csmpl_pose(model, Int64(bodies), betas, rotations, vertices, Int64(vertexStride), joints)
    }

    private static func turns(_ globalOrient: [Float], _ bodyPose: [Float]) -> [Float] {
        precondition(
            globalOrient.count == 9 && bodyPose.count == 9 * (jointCount - 1), "a body has 24 rotation matrices")
        return globalOrient + bodyPose
    }

    private static func ten(_ betas: [Float]) -> [Float] {
        let used = betas.prefix(SMPLFile.betaCount)
        return used + [Float](repeating: 0, count: SMPLFile.betaCount - used.count)
    }

    private static func points(_ values: [Float]) -> [SIMD3<Float>] {
        (0..<(values.count / 3)).map { SIMD3(values[3 * $0], values[3 * $0 + 1], values[3 * $0 + 2]) }
    }
}
