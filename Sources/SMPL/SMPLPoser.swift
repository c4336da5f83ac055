internal import Bodies
internal import Tensor
internal import Weights

/// What turns parameters into bodies: module `Bodies` on a CPU, libtorch on a GPU.
protocol SMPLPoser {
    /// Meshes (B, V, 3) and joints (B, 24, 3) of betas (B, 10) and rotations (B, 24, 3, 3).
    func pose(betas: Tensor, rotations: Tensor) throws -> (vertices: Tensor, joints: Tensor)
}

/// `Bodies`' kernel, on tensors in main memory.
struct KernelPoser: SMPLPoser {
    private let model: BodyModel

    init(_ file: SMPLFile) {
        model = BodyModel(file)
    }

    func pose(betas: Tensor, rotations: Tensor) throws -> (vertices: Tensor, joints: Tensor) {
        let batch = betas.shape.first ?? 0
        guard betas.shape == [batch, SMPLFile.betaCount], rotations.shape == [batch, SMPLFile.jointCount, 3, 3] else {
            throw TorchError(
                operation: "posing bodies",
                message: "betas have the shape \(betas.shape) and rotations \(rotations.shape), "
                    + "not (B, 10) and (B, 24, 3, 3)")
        }
        let vertices = try Tensor(unwritten: [batch, model.vertexCount, 3])
        let joints = try Tensor(unwritten: [batch, SMPLFile.jointCount, 3])
        let (shapes, turns) = (try betas.to(.float32).contiguous(), try rotations.to(.float32).contiguous())
        try shapes.withUnsafeBytes { betas in
            try turns.withUnsafeBytes { rotations in
                try vertices.withUnsafeMutableBytes { vertices in
                    try joints.withUnsafeMutableBytes { joints in
                        guard
                            let betas = betas.bindMemory(to: Float.self).baseAddress,
                            let rotations = rotations.bindMemory(to: Float.self).baseAddress,
                            let vertices = vertices.bindMemory(to: Float.self).baseAddress,
                            let joints = joints.bindMemory(to: Float.self).baseAddress
                        else { return }  // No bodies.
                        model.pose(
                            bodies: batch, betas: betas, rotations: rotations, vertices: vertices, vertexStride: 3,
                            joints: joints)
                    }
                }
            }
        }
        return (vertices, joints)
    }
}
