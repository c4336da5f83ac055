package import HMR2
package import Tensor
package import Weights

/// The networks of PHALP (Rajasegaran et al., "Tracking People by Predicting 3D Appearance, Location & Pose", CVPR 2022)
/// as 4D-Humans uses them, on one device: what persons look like and how they will move. Who is who, the tracker decides.
///
/// Used on one thread at a time. Textures stay on the device; tracks may keep them there.
package final class PHALPModel {
    /// A person as HMR2 sees it.
    package struct Person {
        /// (V, 3), metres, in the crop's own camera: SMPL's vertices moved by
        /// `CropCamera.translation(focalLength: 5000)`.
        package let vertices: Tensor
        /// (4, 256, 256): red, green and blue, normalised as HMR2 takes them, and a mask of the person, 0…1.
        package let crop: Tensor

        package init(vertices: Tensor, crop: Tensor) {
            (self.vertices, self.crop) = (vertices, crop)
        }

        /// A body as `HMR2Model` answers with it.
        ///
        /// - Parameters:
        ///   - vertices: in SMPL's own frame, metres.
        ///   - camera: of the crop.
        ///   - crop: (4, 256, 256), of the same square.
        /// - Throws: `TorchError` where memory is short.
        package init(vertices: [SIMD3<Float>], camera: CropCamera, crop: Tensor) throws(TorchError) {
            let place = camera.translation(focalLength: Float(TextureSampler.camera.focalLength))
            let numbers = vertices.flatMap { [$0.x + place.x, $0.y + place.y, $0.z + place.z] }
            self.init(vertices: try Tensor(floats: numbers, shape: [vertices.count, 3]), crop: crop)
        }
    }

    /// What a person looks like.
    package struct Appearance {
        /// (4, 256, 256) on the device: colour divided by 5, and 1 or -1 for seen or not (PHALP's `uv_vector`).
        package let texture: Tensor
        /// 4,096 numbers (PHALP's `appe`).
        package let embedding: [Float]
    }

    /// Where it computes.
    package let device: Device
    /// What the pose transformer's layers compute in; everything else computes in 32 bits.
    package let precision: Precision
    /// Reads textures from crops.
    package let sampler: TextureSampler
    /// Encodes textures.
    package let encoder: AppearanceEncoder
    /// Continues poses.
    package let predictor: PosePredictor

    /// The most persons that are computed at once.
    private static let largestBatch = 16

    /// Loads a folder.
    ///
    /// - Parameters:
    ///   - faces: the triangles of the mesh that persons are given by (`HMR2BodyModel.faces`).
    ///   - precision: nil chooses what is fastest on the device.
    /// - Throws: `WeightError` or `CheckpointError` naming the file and what about it is wrong, `TorchError` where the
    ///   device cannot be used.
    package init(
        _ folder: PHALPFolder, faces: [Int], device: Device, precision: Precision? = nil
    ) throws {
        try folder.checkPresence()
        let precision = precision ?? .automatic(on: device)
        if precision == .fp16, device == .cpu {
            throw TorchError(
                operation: "loading PHALP", message: "fp16 is for GPUs; on a CPU use bf16, fp32 or auto")
        }
        self.device = device
        self.precision = precision
        sampler = try TextureSampler(folder, faces: faces, device: device)
        encoder = try AppearanceEncoder(folder, device: device)
        predictor = try PosePredictor(folder, device: device, precision: precision)
    }

    /// What persons look like, in their order.
    ///
    /// - Throws: `TorchError` where a shape is another than stated or the device fails.
    package func appearances(of persons: [Person]) throws -> [Appearance] {
        var result: [Appearance] = []
        for first in stride(from: 0, to: persons.count, by: Self.largestBatch) {
            let part = persons[first..<min(first + Self.largestBatch, persons.count)]
            let vertices = try part.map { try $0.vertices.to(device).reshaped([1, -1, 3]) }
            let size = AppearanceEncoder.size
            let crops = try part.map { try $0.crop.to(device).reshaped([1, 4, size, size]) }
            let images = try sampler.images(
                vertices: try Tensor.concatenated(vertices, dimension: 0),
                crops: try Tensor.concatenated(crops, dimension: 0))
            let textures = try sampler.textures(images)
            let embeddings = try encoder(textures).floats()
            for index in 0..<part.count {
                // A copy each: a view would keep the whole batch alive for as long as one track remembers it.
                let own = try textures.taking(
                    try Tensor(integers: [index], shape: [1], device: device), dimension: 0)
                let numbers = embeddings[(index * AppearanceEncoder.count)..<((index + 1) * AppearanceEncoder.count)]
                result.append(
                    Appearance(texture: try own.reshaped([4, size, size]), embedding: Array(numbers)))
            }
        }
        return result
    }

    /// How much each track's texture differs from each detection's: PHALP's `r_texture`.
    ///
    /// - Returns: a row for each track; 0 where they look the same.
    /// - Throws: `TorchError` where a texture is not (4, 256, 256).
    package func pairDistances(tracks: [Tensor], detections: [Tensor]) throws(TorchError) -> [[Float]] {
        try encoder.distances(tracks: tracks, detections: detections).map { $0.map(\.distance) }
    }

    /// The poses that persons will have, 229 numbers each (`PoseVector`).
    ///
    /// - Parameter reading: the public code's way reads everybody's pose at the frame that the first history asks for;
    ///   give it the histories that the public code would compute together.
    /// - Throws: `TorchError` for a history that cannot be, or where the device fails.
    package func predictPoses(
        histories: [PoseHistory], reading: PosePredictor.Reading = .asPublished
    ) throws -> [[Float]] {
        try predictor(histories, reading: reading)
    }

    /// A track's texture after a detection (`TextureMixing`).
    ///
    /// - Throws: `TorchError` where the shapes do not fit each other.
    package func mixed(old: Tensor, new: Tensor, confidence: Float) throws(TorchError) -> Tensor {
        try TextureMixing.mixed(old: old, new: try new.to(old.device), confidence: confidence)
    }
}
