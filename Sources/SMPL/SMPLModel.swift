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
    private let keypoints: SMPLKeypoints?

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
        keypoints = try extraRegressor.map { weights throws(TorchError) in
            try SMPLKeypoints(
                extraRegressor: weights, vertexCount: file.vertexCount, updatesHips: updatesHips, device: device)
        }
        switch method ?? (device == .cpu ? .kernel : .tensors) {
        case .kernel: poser = KernelPoser(file)
        case .tensors: poser = try TensorPoser(file, device: device)
        }
        faces = file.faces
        vertexCount = file.vertexCount
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
            vertices: vertices, joints: joints,
            keypoints: try keypoints.map { try $0(vertices: vertices, joints: joints) })
    }
}
