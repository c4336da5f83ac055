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
        /// (H, W, 3), uint8, red first; best on the model's device.
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
    /// The body model behind it.
    package let body: HMR2BodyModel
    /// In pixels of the crop.
    package var cropFocalLength: Float { configuration.focalLength }
    /// What the folder's configuration says.
    package let configuration: HMR2Configuration

    /// Multiplications and additions in the matrix products of one crop.
    package var operationsPerCrop: Int { backbone.operationsPerCrop + decoder.operationsPerCrop }
    /// Bytes of the layers' weights.
    package var weightBytes: Int { backbone.weightBytes + decoder.weightBytes }

    private let backbone: VisionTransformer
    private let decoder: PoseDecoder
    private let grey: GreyLevels

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
        let tensors = try folder.tensors()
        configuration = try HMR2Configuration(contentsOf: folder.configuration)
        let layers = CheckpointLayers(tensors: tensors, device: device, precision: precision)
        backbone = try VisionTransformer(layers, heads: configuration.backboneHeads)
        decoder = try PoseDecoder(
            layers, contextWidth: backbone.width, configuration: configuration,
            mean: try MeanParameters(contentsOf: folder.meanParameters))
        body = try HMR2BodyModel(layers, folder: folder, configuration: configuration)
        grey = try GreyLevels(
            mean: configuration.imageMean, deviation: configuration.imageDeviation, device: device)
        self.precision = precision
        self.device = device
    }

    /// The bodies in pictures, in the order of the pictures and of the crops in each.
    ///
    /// - Parameter onSquare: is given each crop in full, in the order of the bodies: normalised, (3, 256, 256), on the
    ///   device.
    /// - Throws: `TorchError` where the device fails.
    package func bodies(
        in pictures: [Picture], withVertices: Bool = false, onSquare: ((Tensor) -> Void)? = nil
    ) throws -> [[Body]] {
        var crops: [Tensor] = []
        for picture in pictures where !picture.crops.isEmpty {
            let source = try CropSource(picture.pixels, grey: grey, device: device)
            for crop in picture.crops {
                guard let onSquare else {
                    crops.append(try source.normalized(crop))
                    continue
                }
                let square = try source.normalized(crop, columns: 0..<PersonCrop.size)
                let columns = PersonCrop.columns
                crops.append(
                    try square.narrowed(dimension: 3, start: columns.lowerBound, count: columns.count).contiguous())
                onSquare(try square.reshaped([3, PersonCrop.size, PersonCrop.size]))
            }
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
        let rotations = try answer.pose.reshaped([batch, 24, 6]).rotationMatrices()
        let posed = try body.smpl(betas: answer.betas, rotations: rotations)
        // One reading of everything: each waits until the device has done all that it was given.
        var parts = [try rotations.reshaped([batch, 216]), answer.betas, answer.camera]
        if let keypoints = posed.keypoints { parts.append(try keypoints.reshaped([batch, -1])) }
        let numbers = try Tensor.concatenated(parts, dimension: 1).floats()
        guard numbers.allSatisfy(\.isFinite) else {
            throw TorchError(
                operation: "reading a body from a crop",
                message: "the network answered with no number; its weights are damaged, or --precision fp32 is needed")
        }
        let vertices = withVertices ? try posed.vertices.points()[...] : []
        return (0..<batch).map { index in
            let width = numbers.count / batch
            var own = numbers[(index * width)..<((index + 1) * width)]
            func next(_ count: Int) -> [Float] {
                defer { own = own.dropFirst(count) }
                return Array(own.prefix(count))
            }
            let (globalOrient, bodyPose, betas, camera) = (next(9), next(207), next(10), next(3))
            let meshSize = vertices.count / batch
            return Body(
                globalOrient: globalOrient, bodyPose: bodyPose, betas: betas,
                camera: CropCamera(scale: camera[0], x: camera[1], y: camera[2]), keypoints: own.points(),
                vertices: Array(vertices[(index * meshSize)..<((index + 1) * meshSize)]))
        }
    }

    /// Crops in grey levels as the original has them before normalising, (256, 3, 192) each, for comparisons.
    package static func levels(_ picture: Picture, device: Device = .cpu) throws -> [Tensor] {
        let source = try CropSource(
            picture.pixels, grey: try GreyLevels(mean: [0, 0, 0], deviation: [1, 1, 1], device: device), device: device)
        return try picture.crops.map { crop throws(TorchError) in try source.levels(crop) }
    }
}
