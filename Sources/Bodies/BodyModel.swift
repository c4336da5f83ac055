internal import Checkpoints
package import Weights

/// SMPL in plain Swift, one body at a time: for meshes and joints of parameters that were stored, where libtorch would
/// cost more to load than all bodies to compute. Module `SMPL` is the same for batches on the engines' device.
///
/// Source: Loper et al. 2015, equations 2–10, in the order of smplx `lbs.py`. Metres, the body's own frame.
package final class BodyModel: Sendable {
    /// The number of joints.
    package static let jointCount = SMPLFile.jointCount

    /// The mesh's triangles as places of vertices, three each.
    package let faces: [Int]
    /// The number of vertices V.
    package let vertexCount: Int
    /// The joint that each joint hangs on; -1 for the pelvis, which is the first.
    package let parents: [Int]

    let template: [Float]  // 3V
    let shapeDirections: MeshDirections  // 10 betas
    let poseDirections: MeshDirections  // 207 bends
    let skin: SkinWeights
    /// Joints are linear in the betas, so the regressor need not see the mesh again.
    private let meanJoints: [SIMD3<Float>]  // 24
    private let jointDirections: [[SIMD3<Float>]]  // (10, 24)

    /// SMPL of a folder in 4D-Humans' layout: the checkpoint's numbers where it holds them, and the file's.
    ///
    /// - Throws: `WeightError` or `CheckpointError`, naming what is missing or of another shape.
    package convenience init(_ folder: HMR2Folder) throws {
        self.init(try folder.bodyModel())
    }

    /// A model from its numbers.
    package init(_ file: SMPLFile) {
        faces = file.faces
        vertexCount = file.vertexCount
        parents = file.parents
        template = file.template
        shapeDirections = MeshDirections(file.shapeDirections, factors: SMPLFile.betaCount)
        poseDirections = MeshDirections(file.poseDirections, factors: 9 * (SMPLFile.jointCount - 1))
        skin = SkinWeights(file.skinningWeights, joints: SMPLFile.jointCount)
        let regressor = file.jointRegressor
        let vertices = file.vertexCount
        func joints(_ mesh: (Int) -> Float) -> [SIMD3<Float>] {
            (0..<SMPLFile.jointCount).map { joint in
                var sum = SIMD3<Double>.zero
                for vertex in 0..<vertices where regressor[joint * vertices + vertex] != 0 {
                    let place = SIMD3(mesh(3 * vertex), mesh(3 * vertex + 1), mesh(3 * vertex + 2))
                    sum += Double(regressor[joint * vertices + vertex]) * SIMD3<Double>(place)
                }
                return SIMD3<Float>(sum)
            }
        }
        let (mean, directions) = (file.template, shapeDirections)
        meanJoints = joints { mean[$0] }
        jointDirections = (0..<SMPLFile.betaCount).map { beta in joints { directions[$0, beta] } }
    }

    /// The joints of a shape in the rest pose, 24.
    ///
    /// - Parameter betas: 10 numbers; missing ones count as 0.
    package func restJoints(betas: [Float]) -> [SIMD3<Float>] {
        var joints = meanJoints
        for (beta, directions) in zip(betas, jointDirections) {
            for index in joints.indices { joints[index] += beta * directions[index] }
        }
        return joints
    }

    /// The mesh of a shape in the rest pose, V.
    package func restVertices(betas: [Float]) -> [SIMD3<Float>] {
        Self.points(shaped(betas))
    }

    /// The joints that move a vertex most, at most four, and how much: what skinned meshes of other formats can hold. The
    /// weights sum to 1.
    package func strongestJoints(of vertex: Int) -> [(joint: Int, weight: Float)] {
        let four = skin.joints(of: vertex).sorted { ($0.weight, $1.joint) > ($1.weight, $0.joint) }.prefix(4)
        let total = four.reduce(0) { $0 + $1.weight }
        return four.map { ($0.joint, $0.weight / total) }
    }

    /// Poses a body.
    ///
    /// - Parameters:
    ///   - betas: shape, 10 numbers.
    ///   - globalOrient: the pelvis' rotation matrix, row-major, 9 numbers.
    ///   - bodyPose: those of the 23 joints after it, 207 numbers.
    /// - Returns: V vertices and 24 joints, before any translation.
    package func pose(
        betas: [Float], globalOrient: [Float], bodyPose: [Float]
    ) -> (vertices: [SIMD3<Float>], joints: [SIMD3<Float>]) {
        let rest = restJoints(betas: betas)
        let transforms = chain(rest, globalOrient: globalOrient, bodyPose: bodyPose)
        var mesh = shaped(betas)
        addPoseCorrections(bodyPose, to: &mesh)
        return (
            skin.move(mesh, zip(transforms, rest).map { $0.takingOff($1) }), transforms.map(\.place)
        )
    }

    /// The joints alone, 24: a thousandth of the work.
    package func joints(betas: [Float], globalOrient: [Float], bodyPose: [Float]) -> [SIMD3<Float>] {
        chain(restJoints(betas: betas), globalOrient: globalOrient, bodyPose: bodyPose).map(\.place)
    }

    private func chain(_ rest: [SIMD3<Float>], globalOrient: [Float], bodyPose: [Float]) -> [JointTransform] {
        var transforms = [JointTransform(turn: Turn(globalOrient[...]), place: rest[0])]
        transforms.reserveCapacity(rest.count)
        for joint in 1..<rest.count {
            let parent = transforms[parents[joint]]
            let turn = Turn(bodyPose[(9 * (joint - 1))..<(9 * joint)])
            transforms.append(
                JointTransform(
                    turn: parent.turn * turn, place: parent.turn * (rest[joint] - rest[parents[joint]]) + parent.place))
        }
        return transforms
    }

    private func shaped(_ betas: [Float]) -> [Float] {
        var mesh = template
        shapeDirections.move(&mesh, by: betas)
        return mesh
    }

    private func addPoseCorrections(_ bodyPose: [Float], to mesh: inout [Float]) {
        poseDirections.move(&mesh, by: bodyPose.enumerated().map { $1 - ($0 % 9 % 4 == 0 ? 1 : 0) })
    }

    static func points(_ values: [Float]) -> [SIMD3<Float>] {
        (0..<(values.count / 3)).map { SIMD3(values[3 * $0], values[3 * $0 + 1], values[3 * $0 + 2]) }
    }
}
