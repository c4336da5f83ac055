public import Tensor
package import Weights

/// SMPL on one device, for batches of bodies, with 4D-Humans' keypoints; 32-bit throughout.
public final class SMPLModel {
    /// A batch of posed bodies, in the body's own frame, metres.
    public struct Bodies {
        /// The mesh, (B, V, 3).
        public let vertices: Tensor
        /// The skeleton's joints, (B, 24, 3).
        public let joints: Tensor
        /// 4D-Humans' keypoints, (B, 44, 3); nil without the second regressor.
        public let keypoints: Tensor?
    }

    /// The mesh's triangles, (F, 3).
    public let faces: [Int]
    /// The number of vertices.
    public let vertexCount: Int

    private let poser: any SMPLPoser
    private let extraRegressor: Tensor?  // (19, V)
    private let updatesHips: Bool

    /// How bodies are posed.
    public enum Method: Sendable, CaseIterable {
        /// By `Bodies`' kernel, in main memory.
        case kernel
        /// By libtorch's operations, on any device.
        case tensors
    }

    /// Puts a model on a device.
    ///
    /// - Parameters:
    ///   - extraRegressor: the 19 keypoints of `SMPL_to_J19.pkl` as weighted means of the vertices, (19, V).
    ///   - updatesHips: moves OpenPose's hips as HMR2.0b was trained with (`SMPL.UPDATE_HIPS` in its configuration).
    ///   - method: nil chooses the kernel on the CPU and tensors elsewhere.
    /// - Throws: `TorchError` where the device cannot be used, or a regressor does not fit the model.
    package init(
        _ file: SMPLFile, extraRegressor: [Float]? = nil, updatesHips: Bool = false, device: Device = .cpu,
        method: Method? = nil
    ) throws(TorchError) {
        if extraRegressor != nil, let last = SMPLKeypoints.surfaceVertices.max(), last >= file.vertexCount {
            throw TorchError(
                operation: "preparing SMPL's keypoints",
                message: "the model has \(file.vertexCount) vertices; the keypoints are defined on SMPL's 6890")
        }
        if let extraRegressor {
            self.extraRegressor = try Tensor(
                floats: extraRegressor, shape: [SMPLKeypoints.extraCount, file.vertexCount]
            ).to(device)
        } else {
            self.extraRegressor = nil
        }
        switch method ?? (device == .cpu ? .kernel : .tensors) {
        case .kernel: poser = KernelPoser(file)
        case .tensors: poser = try TensorPoser(file, device: device)
        }
        faces = file.faces
        vertexCount = file.vertexCount
        self.updatesHips = updatesHips
    }

    /// Poses a batch of bodies.
    ///
    /// - Parameters:
    ///   - betas: shape, (B, 10), on the model's device.
    ///   - rotations: `global_orient` and then `body_pose` as rotation matrices, (B, 24, 3, 3), on the model's device.
    /// - Throws: `TorchError` where the shapes do not fit.
    public func callAsFunction(betas: Tensor, rotations: Tensor) throws -> Bodies {
        let (vertices, joints) = try poser.pose(betas: betas, rotations: rotations)
        return Bodies(
            vertices: vertices, joints: joints, keypoints: try keypoints(vertices: vertices, joints: joints))
    }

    private func keypoints(vertices: Tensor, joints: Tensor) throws(TorchError) -> Tensor? {
        guard let extraRegressor else { return nil }
        let surface = try vertices.selecting(SMPLKeypoints.surfaceVertices, dimension: 1)
        var body = try Tensor.concatenated([joints, surface], dimension: 1)
            .selecting(SMPLKeypoints.openPose, dimension: 1)
        if updatesHips { body = try movingHips(body) }
        return try Tensor.concatenated([body, extraRegressor.matmul(vertices)], dimension: 1)
    }

    /// OpenPose's hips lie further apart and lower than SMPL's.
    /// Source: 4D-Humans `smpl_wrapper.py`, `update_hips`.
    private func movingHips(_ body: Tensor) throws(TorchError) -> Tensor {
        func factor(_ value: Float) throws(TorchError) -> Tensor {
            try Tensor(floats: [value], shape: [1]).to(body.device)
        }
        let hips = try body.selecting([9, 12], dimension: 1)
        let swapped = try body.selecting([12, 9], dimension: 1)
        let middle = try body.selecting([8], dimension: 1)
        let half = try factor(0.5)
        let apart = try hips.minus(swapped).times(try factor(0.25))
        let down = try middle.minus(try hips.plus(swapped).times(half)).times(half)
        let moved = try hips.plus(apart).plus(down)
        // Behind all others, from where each is taken to its own place.
        var order = Array(0..<25)
        order[9] = 25
        order[12] = 26
        return try Tensor.concatenated([body, moved], dimension: 1).selecting(order, dimension: 1)
    }
}
