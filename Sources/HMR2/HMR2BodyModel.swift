internal import Checkpoints
internal import Foundation
internal import SMPL
internal import Tensor
internal import Weights

/// SMPL as HMR2 uses it, on the network's device. `Bodies` has it without the network, to make meshes of what was stored.
package final class HMR2BodyModel {
    /// The mesh's triangles as places of vertices, three each.
    package var faces: [Int] { smpl.faces }

    let smpl: SMPLModel
    private let device: Device

    init(_ layers: CheckpointLayers, folder: HMR2Folder, configuration: HMR2Configuration) throws {
        device = layers.device
        smpl = try SMPLModel(
            try SMPLFile.merged(layers.tensors, folder: folder),
            extraRegressor: try Self.extraRegressor(layers, folder: folder), updatesHips: configuration.updatesHips,
            device: device)
    }

    /// A body's mesh in SMPL's own frame, metres.
    ///
    /// - Parameters:
    ///   - betas: 10 numbers.
    ///   - rotations: `global_orient` and then `body_pose`, 24 × 9 numbers.
    /// - Throws: `TorchError` where the numbers are too few.
    package func vertices(betas: [Float], rotations: [Float]) throws -> [SIMD3<Float>] {
        let posed = try smpl(
            betas: try Tensor(floats: betas, shape: [1, 10], device: device),
            rotations: try Tensor(floats: rotations, shape: [1, 24, 3, 3], device: device))
        return try posed.vertices.points()
    }

    private static func extraRegressor(_ layers: CheckpointLayers, folder: HMR2Folder) throws -> [Float] {
        let shape = [SMPLKeypoints.extraCount, nil]
        if layers.tensors.contains("smpl.joint_regressor_extra") {
            return try layers.floats("smpl.joint_regressor_extra", shape)
        }
        let array = try PickleFile(contentsOf: folder.extraRegressor).root.array()
        guard array.shape.count == 2, array.shape[0] == SMPLKeypoints.extraCount else {
            throw CheckpointError(
                file: folder.extraRegressor.path, .malformed,
                "it has the shape \(array.shape) where [19, 6890] is expected")
        }
        return try array.floats()
    }
}

extension Tensor {
    /// (…, 3) as points.
    func points() throws(TorchError) -> [SIMD3<Float>] {
        try floats()[...].points()
    }
}

extension ArraySlice<Float> {
    /// Each three numbers as a point.
    func points() -> [SIMD3<Float>] {
        stride(from: startIndex, to: endIndex, by: 3).map { SIMD3(self[$0], self[$0 + 1], self[$0 + 2]) }
    }
}
