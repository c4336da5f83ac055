internal import Foundation
package import Tensor
package import Weights

/// Textures of the mesh from what a crop shows of it, on one device.
///
/// Source: 4D-Humans `track.py` (`HMR2023TextureSampler.forward`, after its network), PHALP `hmar.py`
/// (`process_uv_image`). What the public code draws with neural_renderer is `Tensor.depthImages`.
package final class TextureSampler {
    /// Pixels a side of the crop, and texels of the texture.
    package static let size = AppearanceEncoder.size
    /// The crop's camera: 5,000 pixels whatever the network was trained with, as the public code has it, and
    /// neural_renderer's depths: nothing beyond 100 m is seen.
    package static let camera = RasterCamera(focalLength: 5000, size: size, near: 0.1, far: 100)

    private let device: Device
    private let faces: Tensor  // (F, 3)
    private let corners: [Tensor]  // three of (N)
    private let weights: [Tensor]  // three of (N, 1)
    private let texels: Tensor  // (N)
    private let count: Int

    /// Loads a folder.
    ///
    /// - Parameter faces: the mesh's triangles as places of vertices, three each.
    /// - Throws: `CheckpointError` naming the file and what about it is wrong, `TorchError` where the device cannot be
    ///   used.
    package init(_ folder: PHALPFolder, faces: [Int], device: Device) throws {
        let map = try TextureMap(folder, faces: faces)
        count = map.texels.count
        self.device = device
        self.faces = try Tensor(integers: faces, shape: [faces.count / 3, 3], device: device)
        texels = try Tensor(integers: map.texels, shape: [count], device: device)
        corners = try (0..<3).map { corner in
            let vertices = stride(from: corner, to: map.corners.count, by: 3).map { map.corners[$0] }
            return try Tensor(integers: vertices, shape: [vertices.count], device: device)
        }
        weights = try (0..<3).map { corner in
            let shares = stride(from: corner, to: map.weights.count, by: 3).map { map.weights[$0] }
            return try Tensor(floats: shares, shape: [shares.count, 1], device: device)
        }
    }

    /// What crops show of bodies.
    ///
    /// - Parameters:
    ///   - vertices: (B, V, 3), metres, in the crop's own camera: SMPL's vertices moved by
    ///     `CropCamera.translation(focalLength: 5000)`.
    ///   - crops: (B, 4, 256, 256), normalised red, green and blue and a mask, whose values are taken as 0…1.
    ///   - method: what draws the depth.
    ///   - inspect: is given each step's result by a name, for comparisons.
    /// - Returns: (B, 4, 256, 256): the crops' four channels at each texel; 0 where the mesh has none. The mask is 0
    ///   as well where the body hides it from the camera.
    /// - Throws: `TorchError` where the shapes do not fit.
    package func images(
        vertices: Tensor, crops: Tensor, method: RasterMethod = .automatic,
        inspect: ((String, Tensor) throws -> Void)? = nil
    ) throws -> Tensor {
        let batch = vertices.shape.first ?? 0
        guard crops.shape == [batch, 4, Self.size, Self.size] else {
            throw TorchError(
                operation: "reading textures from crops",
                message: "their shape is \(crops.shape) where [\(batch), 4, \(Self.size), \(Self.size)] is expected")
        }
        let body = try vertices.to(device)
        var points = try body.taking(corners[0], dimension: 1).times(weights[0])
        for corner in 1..<3 {
            points = try points.plus(try body.taking(corners[corner], dimension: 1).times(weights[corner]))
        }
        let depths = try points.narrowed(dimension: 2, start: 2, count: 1)
        // From one edge of the crop to the other is -1 to 1.
        let focal = try constant(Float(Self.camera.focalLength) / (Float(Self.size) / 2))
        let places = try points.narrowed(dimension: 2, start: 0, count: 2).times(focal).divided(by: depths)

        let drawn = try Tensor.depthImages(vertices: body, faces: faces, camera: Self.camera, method: method)
        try inspect?("depth", drawn)
        let nearest = try drawn.reshaped([batch, 1, Self.size, Self.size]).sampled(at: places)
        let picture = try crops.to(device)
        let colour = try picture.narrowed(dimension: 1, start: 0, count: 3).sampled(at: places)
        let mask = try picture.narrowed(dimension: 1, start: 3, count: 1).clamped(to: 0...1).sampled(at: places)
        let isVisible = try depths.reshaped([batch, 1, count]).isAtMost(try nearest.plus(try constant(1e-4)))
        let seen = try isVisible.choosing(mask, try constant(0))
        let empty = try Tensor(zeros: [batch, 4, Self.size * Self.size], device: device)
        let image = try empty.putting(
            try Tensor.concatenated([colour, seen], dimension: 1), at: texels, dimension: 2
        ).reshaped([batch, 4, Self.size, Self.size])
        try inspect?("uv_image", image)
        return image
    }

    /// Images as the encoder and the tracker take them.
    ///
    /// - Parameter images: as `images` gives them.
    /// - Returns: (B, 4, 256, 256): colour divided by 5, 0 where it is not seen; 1 where it is seen and -1 where not.
    /// - Throws: `TorchError` where the shape is another.
    package func textures(_ images: Tensor) throws(TorchError) -> Tensor {
        let (zero, one) = (try constant(0), try constant(1))
        let isHidden = try images.narrowed(dimension: 1, start: 3, count: 1).isEqual(to: zero)
        let colour = try images.narrowed(dimension: 1, start: 0, count: 3).divided(by: try constant(5))
        return try Tensor.concatenated(
            [isHidden.choosing(zero, colour), isHidden.choosing(try constant(-1), one)], dimension: 1)
    }

    private func constant(_ value: Float) throws(TorchError) -> Tensor {
        try Tensor(floats: [value], shape: [1], device: device)
    }
}
