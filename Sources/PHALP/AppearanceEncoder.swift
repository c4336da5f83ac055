internal import Checkpoints
internal import Foundation
internal import HMR2
package import Tensor
package import Weights

/// The half of HMAR's autoencoder that turns a texture into 4,096 numbers, on one device, in 32 bits.
///
/// Source: PHALP `phalp/models/heads/encoding_head.py` (`EncodingHead.forward`, `en=True`, four channels),
/// `phalp/models/hmar/hmar.py` (`load_weights`: the dictionary `model`, of whose names the first five characters, such
/// as `hmar.`, are left out). The rest of that checkpoint, an older network and the autoencoder's other half, is skipped.
package final class AppearanceEncoder {
    /// Numbers of an embedding.
    package static let count = 4096
    /// Texels of a texture in each direction.
    package static let size = 256

    /// What one track's texture and one detection's have in common.
    package struct PairDistance: Sendable, Equatable {
        /// The squared distance of the embeddings of what both show, in thousands, times 100.
        package let distance: Float
        /// Half of the share of texels that both show, 0…0.5.
        package let sharedFraction: Float
    }

    /// Of the convolutions: 3 × 3 pixels, one zero around the picture, then a rectifier.
    private let layers: [(weight: Tensor, bias: Tensor)]
    private let device: Device
    private let half: Tensor

    /// The most textures that are encoded at once: the first layer of one needs 4 MB.
    private static let largestBatch = 16
    private static let names = ["conv1x", "conv2", "conv3", "conv4", "conv5", "conv5_1"]

    /// Loads a folder.
    ///
    /// - Throws: `CheckpointError` naming the file and the tensor that is missing or of another shape, `TorchError`
    ///   where the device cannot be used.
    package init(_ folder: PHALPFolder, device: Device) throws {
        let tensors = try TorchFile(contentsOf: folder.appearance).stateDictionary("model")
        let loaded = CheckpointLayers(tensors: tensors, device: device, precision: .fp32)
        let root = try Self.root(tensors)
        var channels = 4
        var weights: [(weight: Tensor, bias: Tensor)] = []
        for name in Self.names {
            let weight = try loaded.tensor("\(root)\(name).weight", [name == "conv5_1" ? 16 : nil, channels, 3, 3])
            channels = weight.shape[0]
            weights.append((weight, try loaded.tensor("\(root)\(name).bias", [channels])))
        }
        self.layers = weights
        self.device = device
        half = try Tensor(floats: [0.5], shape: [1], device: device)
    }

    /// What the encoder's tensors' names begin with.
    private static func root(_ tensors: TensorDictionary) throws(CheckpointError) -> String {
        let head = "encoding_head."
        func place(of name: String) -> String? {
            tensors.names.first { $0.dropFirst(5) == head + name }.map { $0.prefix(5) + head }
        }
        if let root = place(of: "conv1x.weight") { return root }
        guard place(of: "conv1.weight") == nil else {
            throw CheckpointError(
                file: tensors.fileName, .unsupported,
                "it is HMAR's network for textures of three channels; 4D-Humans uses hmar_v2_weights.pth, whose first "
                    + "layer is hmar.encoding_head.conv1x")
        }
        throw CheckpointError(
            file: tensors.fileName, .malformed,
            "there is no tensor hmar.encoding_head.conv1x.weight among the \(tensors.names.count) in it, so it is no "
                + "checkpoint of HMAR")
    }

    /// Embeddings of textures.
    ///
    /// - Parameter textures: (B, 4, 256, 256): colour, and 1 or -1 for seen or not (`TextureSampler`).
    /// - Returns: (B, 4096), on the device.
    /// - Throws: `TorchError` where the shape is another.
    package func callAsFunction(_ textures: Tensor) throws(TorchError) -> Tensor {
        let batch = textures.shape.first ?? 0
        guard textures.shape == [batch, 4, Self.size, Self.size] else {
            throw TorchError(
                operation: "encoding textures",
                message: "their shape is \(textures.shape) where [any, 4, \(Self.size), \(Self.size)] is expected")
        }
        var parts: [Tensor] = []
        for first in stride(from: 0, to: batch, by: Self.largestBatch) {
            let part = try textures.narrowed(
                dimension: 0, start: first, count: min(Self.largestBatch, batch - first))
            parts.append(try maps(of: part).reshaped([part.shape[0], -1]))
        }
        if parts.isEmpty { return try Tensor(zeros: [0, Self.count], device: device) }
        return parts.count == 1 ? parts[0] : try Tensor.concatenated(parts, dimension: 0)
    }

    /// What the last layer makes of textures (B, 4, 256, 256): (B, 16, 16, 16). The first four halve the picture.
    private func maps(of textures: Tensor) throws(TorchError) -> Tensor {
        var maps = textures
        for (index, layer) in layers.enumerated() {
            maps = try maps.convolvedAndRectified(weight: layer.weight, bias: layer.bias, padding: 1)
            if index < 4 { maps = try maps.maxPooled(window: 2) }
        }
        return maps
    }

    /// How much each track's texture differs from each detection's in what both show.
    ///
    /// Each pair is encoded by itself: what one of the two does not show is taken from both.
    /// Source: PHALP `PHALP.get_uv_distance`, `nn_matching._pdist` (`r_texture`, before it is weighed).
    /// - Parameters:
    ///   - tracks: (4, 256, 256) each.
    ///   - detections: (4, 256, 256) each.
    /// - Returns: a row for each track.
    /// - Throws: `TorchError` where a shape is another.
    package func distances(tracks: [Tensor], detections: [Tensor]) throws(TorchError) -> [[PairDistance]] {
        var pairs: [(track: Int, detection: Int)] = []
        for track in tracks.indices {
            for detection in detections.indices { pairs.append((track, detection)) }
        }
        var found: [PairDistance] = []
        let largest = Self.largestBatch / 2
        for first in stride(from: 0, to: pairs.count, by: largest) {
            let part = pairs[first..<min(first + largest, pairs.count)]
            found += try distances(
                try stacked(part.map { tracks[$0.track] }), try stacked(part.map { detections[$0.detection] }))
        }
        return tracks.indices.map { Array(found[($0 * detections.count)..<(($0 + 1) * detections.count)]) }
    }

    private func stacked(_ textures: [Tensor]) throws(TorchError) -> Tensor {
        var rows: [Tensor] = []
        for texture in textures { rows.append(try texture.to(device).reshaped([1, 4, Self.size, Self.size])) }
        return try Tensor.concatenated(rows, dimension: 0)
    }

    /// Of pairs (P, 4, 256, 256) and (P, 4, 256, 256).
    private func distances(_ tracks: Tensor, _ detections: Tensor) throws(TorchError) -> [PairDistance] {
        let count = tracks.shape[0]
        func seen(_ textures: Tensor) throws(TorchError) -> Tensor {
            try textures.narrowed(dimension: 1, start: 3, count: 1).isAbove(half)
        }
        let shared = try seen(tracks).times(try seen(detections))
        // Not a product with the mask: what is no number would stay none.
        let nothing = try Tensor(zeros: [1], device: device)
        let both = try Tensor.concatenated(
            [shared.choosing(tracks, nothing), shared.choosing(detections, nothing)], dimension: 0)
        let thousand = try Tensor(floats: [1000], shape: [1], device: device)
        let embeddings = try self(both).divided(by: thousand)
        let difference = try embeddings.narrowed(dimension: 0, start: 0, count: count)
            .minus(try embeddings.narrowed(dimension: 0, start: count, count: count))
        let distances = try difference.times(difference).sum(dimension: 1).floats()
        let texels = try shared.reshaped([count, -1]).sum(dimension: 1).floats()
        return zip(distances, texels).map {
            PairDistance(distance: $0 * 100, sharedFraction: $1 / Float(Self.size * Self.size) / 2)
        }
    }
}
