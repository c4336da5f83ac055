internal import Checkpoints
internal import Foundation
internal import SMPL
package import Tensor
package import Weights

/// HMR2, the network of "Humans in 4D" (Goel et al., ICCV 2023), and the body model behind it, on one device.
///
/// Used on one thread at a time.
package final class HMR2Model {
    /// One person as the network sees it.
    package struct Body: Sendable {
        /// `global_orient`: rotation of the root, 9 numbers, row-major.
        package let globalOrient: [Float]
        /// `body_pose`: rotations of the 23 other joints, 207 numbers.
        package let bodyPose: [Float]
        /// Shape, 10 numbers.
        package let betas: [Float]
        /// The camera of the crop.
        package let camera: CropCamera
        /// 44 keypoints in SMPL's own frame, metres: x right, y down, z forward.
        package let keypoints: [SIMD3<Float>]
        /// The mesh in the same frame; empty unless it was asked for.
        package let vertices: [SIMD3<Float>]
    }

    /// A picture and the persons in it.
    package struct Picture {
        /// (H, W, 3), uint8, red first.
        package let pixels: Tensor
        /// What is to be shown of it.
        package let crops: [PersonCrop]

        package init(pixels: Tensor, crops: [PersonCrop]) {
            self.pixels = pixels
            self.crops = crops
        }
    }

    /// What the layers compute in.
    package let precision: Precision
    /// Where they compute.
    package let device: Device
    /// The mesh's triangles as places of vertices, three each.
    package var faces: [Int] { smpl.faces }
    /// In pixels of the crop.
    package var cropFocalLength: Float { configuration.focalLength }
    /// What the folder's configuration says.
    package let configuration: HMR2Configuration

    private let backbone: VisionTransformer
    private let decoder: PoseDecoder
    private let smpl: SMPLModel

    /// The most crops that are computed at once: enough for the weights to be read seldom, few enough for memory.
    private static let largestBatch = 32

    /// Loads a folder.
    ///
    /// Peak memory is that of the weights in the chosen precision and one tensor more.
    /// - Parameter precision: nil chooses what is fastest on the device.
    /// - Throws: `WeightError` or `CheckpointError` naming the file and what about it is wrong, `TorchError` where the
    ///   device cannot be used.
    package init(_ folder: HMR2Folder, device: Device, precision: Precision? = nil) throws {
        let precision = precision ?? .automatic(on: device)
        if precision == .fp16, device == .cpu {
            throw TorchError(
                operation: "loading HMR2", message: "fp16 is for GPUs; on a CPU use bf16, fp32 or auto")
        }
        let checkpoint = try folder.checkpoint()
        configuration = try HMR2Configuration(contentsOf: folder.configuration)
        let tensors = try TorchFile(contentsOf: checkpoint).stateDictionary("state_dict")
        let layers = CheckpointLayers(tensors: tensors, device: device, precision: precision)
        backbone = try VisionTransformer(layers, heads: configuration.backboneHeads)
        decoder = try PoseDecoder(
            layers, contextWidth: backbone.width, configuration: configuration,
            mean: try MeanParameters(contentsOf: folder.meanParameters))
        smpl = try SMPLModel(
            try SMPLFile.merged(layers, folder: folder),
            extraRegressor: try Self.extraRegressor(layers, folder: folder), updatesHips: configuration.updatesHips,
            device: device)
        self.precision = precision
        self.device = device
    }

    /// The bodies in pictures, in the order of the pictures and of the crops in each.
    ///
    /// - Throws: `TorchError` where the device fails.
    package func bodies(in pictures: [Picture], withVertices: Bool = false) throws -> [[Body]] {
        var crops: [Tensor] = []
        for picture in pictures where !picture.crops.isEmpty {
            let source = try CropSource(
                picture.pixels, mean: configuration.imageMean, deviation: configuration.imageDeviation, device: device)
            for crop in picture.crops { crops.append(try source.normalized(crop)) }
        }
        var all: [Body] = []
        for first in stride(from: 0, to: crops.count, by: Self.largestBatch) {
            let part = Array(crops[first..<min(first + Self.largestBatch, crops.count)])
            let batch = part.count == 1 ? part[0] : try Tensor.concatenated(part, dimension: 0)
            all += try bodies(inCrops: batch, withVertices: withVertices)
        }
        var rest = all[...]
        return pictures.map { picture in
            defer { rest = rest.dropFirst(picture.crops.count) }
            return Array(rest.prefix(picture.crops.count))
        }
    }

    /// The bodies in crops.
    ///
    /// - Parameters:
    ///   - crops: normalised pixels, (B, 3, 256, 192).
    ///   - inspect: is given each layer's result by a name, for comparisons.
    /// - Throws: `TorchError` where the device fails.
    package func bodies(
        inCrops crops: Tensor, withVertices: Bool, inspect: ((String, Tensor) throws -> Void)? = nil
    ) throws -> [Body] {
        let tokens = try backbone(try crops.to(device)) { try inspect?("block\($0)", $1) }
        try inspect?("backbone", tokens)
        let answer = try decoder(tokens)
        try inspect?("pose", answer.pose)
        let batch = crops.shape[0]
        let rotations = Rotation6D.matrices(try answer.pose.floats())
        let posed = try smpl(
            betas: answer.betas, rotations: try Tensor(floats: rotations, shape: [batch, 24, 3, 3]).to(device))
        let betas = try answer.betas.floats()
        let cameras = try answer.camera.floats()
        let keypoints = try points(posed.keypoints)
        let vertices = withVertices ? try points(posed.vertices) : []
        return (0..<batch).map { index in
            let turns = rotations[(index * 216)..<((index + 1) * 216)]
            func own<Value>(_ values: [Value]) -> [Value] {
                let count = values.count / batch
                return Array(values[(index * count)..<((index + 1) * count)])
            }
            return Body(
                globalOrient: Array(turns.prefix(9)), bodyPose: Array(turns.dropFirst(9)), betas: own(betas),
                camera: CropCamera(
                    scale: cameras[index * 3], x: cameras[index * 3 + 1], y: cameras[index * 3 + 2]),
                keypoints: own(keypoints), vertices: own(vertices))
        }
    }

    /// The mesh of a body that was found before, in SMPL's own frame, metres.
    ///
    /// - Parameters:
    ///   - betas: 10 numbers.
    ///   - rotations: `global_orient` and then `body_pose`, 24 × 9 numbers.
    /// - Throws: `TorchError` where the numbers are too few.
    package func vertices(betas: [Float], rotations: [Float]) throws -> [SIMD3<Float>] {
        let posed = try smpl(
            betas: try Tensor(floats: betas, shape: [1, 10]).to(device),
            rotations: try Tensor(floats: rotations, shape: [1, 24, 3, 3]).to(device))
        return try points(posed.vertices)
    }

    /// Crops in grey levels as the original has them before normalising, (256, 3, 192) each, for comparisons.
    package static func levels(_ picture: Picture, device: Device = .cpu) throws -> [Tensor] {
        let source = try CropSource(picture.pixels, mean: [0, 0, 0], deviation: [1, 1, 1], device: device)
        return try picture.crops.map { crop throws(TorchError) in try source.levels(crop) }
    }

    private func points(_ tensor: Tensor?) throws -> [SIMD3<Float>] {
        guard let values = try tensor?.floats() else { return [] }
        return stride(from: 0, to: values.count, by: 3).map { SIMD3(values[$0], values[$0 + 1], values[$0 + 2]) }
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
