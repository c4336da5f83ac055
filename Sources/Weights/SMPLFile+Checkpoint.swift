package import Checkpoints
internal import Foundation

extension HMR2Folder {
    /// The tensors of the checkpoint.
    ///
    /// - Throws: `WeightError` where there is no checkpoint, `CheckpointError` where it cannot be read.
    package func tensors() throws -> TensorDictionary {
        try TorchFile(contentsOf: try checkpoint()).stateDictionary("state_dict")
    }

    /// SMPL as the network was trained with it.
    ///
    /// - Throws: `WeightError` or `CheckpointError`, naming what is missing or of another shape.
    package func bodyModel() throws -> SMPLFile {
        try SMPLFile.merged(try tensors(), folder: self)
    }
}

extension SMPLFile {
    /// SMPL's numbers: those that the checkpoint holds, as the original overwrites the file's with them, and the file's.
    ///
    /// - Throws: `WeightError` or `CheckpointError`, naming what is missing or of another shape.
    package static func merged(_ tensors: TensorDictionary, folder: HMR2Folder) throws -> SMPLFile {
        let names = ["v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights", "parents", "faces_tensor"]
        let isComplete = names.allSatisfy { tensors.contains("smpl.\($0)") }
        if !isComplete, !FileManager.default.fileExists(atPath: folder.smpl.path) {
            throw HMR2Folder.missingSMPL(folder.smpl)
        }
        let file = isComplete ? nil : try SMPLFile(contentsOf: folder.smpl)
        func part(_ name: String, _ shape: [Int?], _ other: [Float]?) throws -> [Float] {
            guard tensors.contains("smpl.\(name)") else { return other ?? [] }
            return try tensors.array("smpl.\(name)", shape).withFloats { Array($0) }
        }
        let template = try part("v_template", [file?.vertexCount, 3], file?.template)
        let vertices = template.count / 3
        let joints = SMPLFile.jointCount
        let shapes = try part("shapedirs", [vertices, 3, nil], file?.shapeDirections)
        let width = shapes.count / max(1, 3 * vertices)
        guard vertices > 0, width >= SMPLFile.betaCount else {
            throw CheckpointError(
                file: tensors.fileName, .malformed,
                "the tensor smpl.shapedirs has \(width) shape directions where 10 or more are expected")
        }
        // smplx keeps the pose directions as (207, V · 3).
        let poses: [Float]
        if tensors.contains("smpl.posedirs") {
            let values = try tensors.array("smpl.posedirs", [9 * (joints - 1), 3 * vertices])
                .withFloats { Array($0) }
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
            guard tensors.contains("smpl.\(name)") else { return other ?? [] }
            return try tensors.array("smpl.\(name)", shape).integers()
        }
        let parents = [-1] + (try integers("parents", [joints], file?.parents)).dropFirst()
        guard parents.count == joints, parents.indices.dropFirst().allSatisfy({ (0..<$0).contains(parents[$0]) })
        else {
            throw CheckpointError(
                file: tensors.fileName, .malformed, "smpl.parents hangs a joint on one that comes after it")
        }
        let faces = try integers("faces_tensor", [nil, 3], file?.faces)
        guard faces.allSatisfy({ (0..<vertices).contains($0) }) else {
            throw CheckpointError(
                file: tensors.fileName, .malformed,
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
