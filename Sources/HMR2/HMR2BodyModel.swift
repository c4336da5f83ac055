internal import Checkpoints
internal import Foundation
internal import SMPL
package import Tensor
package import Weights

/// SMPL as HMR2 uses it. It can be had without the network, to make meshes of parameters that were stored.
package final class HMR2BodyModel {
    /// The mesh's triangles as places of vertices, three each.
    package var faces: [Int] { smpl.faces }

    let smpl: SMPLModel
    private let device: Device

    /// Loads the body model alone.
    ///
    /// - Throws: as loading the whole model does.
    package convenience init(_ folder: HMR2Folder, device: Device = .cpu) throws {
        let checkpoint = try folder.checkpoint()
        let configuration = try HMR2Configuration(contentsOf: folder.configuration)
        let layers = CheckpointLayers(
            tensors: try TorchFile(contentsOf: checkpoint).stateDictionary("state_dict"), device: device,
            precision: .fp32)
        try self.init(layers, folder: folder, configuration: configuration)
    }

    init(_ layers: CheckpointLayers, folder: HMR2Folder, configuration: HMR2Configuration) throws {
        device = layers.device
        smpl = try SMPLModel(
            try SMPLFile.merged(layers, folder: folder),
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
            betas: try Tensor(floats: betas, shape: [1, 10]).to(device),
            rotations: try Tensor(floats: rotations, shape: [1, 24, 3, 3]).to(device))
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
        let values = try floats()
        return stride(from: 0, to: values.count, by: 3).map { SIMD3(values[$0], values[$0 + 1], values[$0 + 2]) }
    }
}

extension SMPLFile {
    /// SMPL's numbers: those that the checkpoint holds, as the original overwrites the file's with them, and the file's.
    static func merged(_ layers: CheckpointLayers, folder: HMR2Folder) throws -> SMPLFile {
        let names = ["v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights", "parents", "faces_tensor"]
        let isComplete = names.allSatisfy { layers.tensors.contains("smpl.\($0)") }
        if !isComplete, !FileManager.default.fileExists(atPath: folder.smpl.path) {
            throw HMR2Folder.missingSMPL(folder.smpl)
        }
        let file = isComplete ? nil : try SMPLFile(contentsOf: folder.smpl)
        func part(_ name: String, _ shape: [Int?], _ other: [Float]?) throws -> [Float] {
            guard layers.tensors.contains("smpl.\(name)") else { return other ?? [] }
            return try layers.floats("smpl.\(name)", shape)
        }
        let template = try part("v_template", [file?.vertexCount, 3], file?.template)
        let vertices = template.count / 3
        let joints = SMPLFile.jointCount
        let shapes = try part("shapedirs", [vertices, 3, nil], file?.shapeDirections)
        let width = shapes.count / max(1, 3 * vertices)
        guard vertices > 0, width >= SMPLFile.betaCount else {
            throw CheckpointError(
                file: layers.tensors.fileName, .malformed,
                "the tensor smpl.shapedirs has \(width) shape directions where 10 or more are expected")
        }
        // smplx keeps the pose directions as (207, V · 3).
        let poses: [Float]
        if layers.tensors.contains("smpl.posedirs") {
            let values = try layers.floats("smpl.posedirs", [9 * (joints - 1), 3 * vertices])
            let (rows, columns) = (9 * (joints - 1), 3 * vertices)
            poses = [Float](unsafeUninitializedCapacity: values.count) { buffer, count in
                for column in 0..<columns {
                    for row in 0..<rows { buffer[column * rows + row] = values[row * columns + column] }
                }
                count = values.count
            }
        } else {
            poses = file?.poseDirections ?? []
        }
        func integers(_ name: String, _ shape: [Int?], _ other: [Int]?) throws -> [Int] {
            guard layers.tensors.contains("smpl.\(name)") else { return other ?? [] }
            return try layers.array("smpl.\(name)", shape).integers()
        }
        let parents = [-1] + (try integers("parents", [joints], file?.parents)).dropFirst()
        guard parents.count == joints, parents.indices.dropFirst().allSatisfy({ (0..<$0).contains(parents[$0]) })
        else {
            throw CheckpointError(
                file: layers.tensors.fileName, .malformed, "smpl.parents hangs a joint on one that comes after it")
        }
        let faces = try integers("faces_tensor", [nil, 3], file?.faces)
        guard faces.allSatisfy({ (0..<vertices).contains($0) }) else {
            throw CheckpointError(
                file: layers.tensors.fileName, .malformed,
                "smpl.faces_tensor names a vertex beyond the \(vertices) there are")
        }
        return SMPLFile(
            template: template,
            shapeDirections: width == SMPLFile.betaCount
                ? shapes
                : stride(from: 0, to: shapes.count, by: width).flatMap { shapes[$0..<($0 + SMPLFile.betaCount)] },
            poseDirections: poses,
            jointRegressor: try part("J_regressor", [joints, vertices], file?.jointRegressor),
            skinningWeights: try part("lbs_weights", [vertices, joints], file?.skinningWeights), parents: parents,
            faces: faces)
    }
}
