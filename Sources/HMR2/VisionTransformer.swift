internal import Checkpoints
internal import Tensor

/// HMR2's backbone: a vision transformer over patches of 16 × 16 pixels, pre-trained as ViTPose.
///
/// Source: Dosovitskiy et al. 2021; 4D-Humans `hmr2/models/backbones/vit.py`. The residual stream is kept in 32 bits in
/// every precision.
final class VisionTransformer {
    /// Pixels of a patch's side.
    static let patch = 16
    /// Zeros around the crop: the patches begin two pixels above and left of it.
    static let padding = 2
    /// Patches of a crop of 256 × 192 pixels.
    static let (rows, columns) = (16, 12)

    /// Numbers of a token.
    let width: Int
    /// Blocks.
    let depth: Int

    private let embedding: LinearLayer
    private let positions: Tensor  // (1, 192, width)
    private let blocks: [Block]
    private let lastNormalization: LayerNormalization
    private let dtype: DType

    init(_ layers: CheckpointLayers, heads: Int) throws {
        let tokens = Self.rows * Self.columns
        let places = try layers.array("backbone.pos_embed", [1, tokens + 1, nil])
        let width = places.shape[2]
        guard width > 0, width % heads == 0 else {
            throw CheckpointError(
                file: layers.tensors.fileName, .malformed,
                "the backbone is \(width) wide, which \(heads) attention heads (MODEL.BACKBONE.NUM_HEADS) cannot share")
        }
        self.width = width
        embedding = try layers.linear(
            "backbone.patch_embed.proj", outputs: width, inputs: 3, kernel: [Self.patch, Self.patch])
        // The class token's place is added to every patch: the released weights were trained so.
        let all = try layers.tensor("backbone.pos_embed", [1, tokens + 1, width])
        positions = try all.narrowed(dimension: 1, start: 1, count: tokens)
            .plus(try all.narrowed(dimension: 1, start: 0, count: 1))
        depth = layers.depth("backbone.blocks", "norm1.weight")
        guard depth > 0 else {
            throw CheckpointError(
                file: layers.tensors.fileName, .malformed, "there is no tensor backbone.blocks.0.norm1.weight")
        }
        blocks = try (0..<depth).map { try Block(layers, "backbone.blocks.\($0)", width: width, heads: heads) }
        lastNormalization = try layers.normalization("backbone.last_norm", width: width, epsilon: 1e-6)
        dtype = layers.precision.dtype
    }

    /// One token a patch.
    ///
    /// - Parameter crops: normalised pixels, (B, 3, 256, 192).
    /// - Parameter inspect: is given the tokens (B, 192, width) after each block, for comparison layer by layer.
    /// - Returns: (B, 192, width), row by row, in the layers' type.
    func callAsFunction(_ crops: Tensor, inspect: ((Int, Tensor) throws -> Void)? = nil) throws -> Tensor {
        // Every position's embedding is the residual of the first layer.
        let patches = try Self.patches(crops)
        let batch = patches.shape[0]
        let places =
            batch == 1
            ? positions
            : try Tensor.concatenated(
                Array(repeating: positions, count: batch), dimension: 0)
        var tokens = try embedding(patches, plus: places)
        for (index, block) in blocks.enumerated() {
            tokens = try block(tokens, dtype)
            try inspect?(index, tokens)
        }
        return try lastNormalization(tokens, as: dtype)
    }

    /// Multiplications and additions of one crop's matrix products.
    var operationsPerCrop: Int {
        let tokens = Self.rows * Self.columns
        let layers = [embedding] + blocks.flatMap(\.layers)
        return layers.reduce(0) { $0 + 2 * tokens * $1.inputs * $1.outputs }
            + depth * 4 * tokens * tokens * width
    }

    var weightBytes: Int { ([embedding] + blocks.flatMap(\.layers)).reduce(0) { $0 + $1.byteCount } }

    /// (B, 3, 256, 192) as (B, 192, 768): each patch's red, then green, then blue.
    static func patches(_ crops: Tensor) throws -> Tensor {
        let shape = crops.shape
        let (batch, height, width) = (shape[0], rows * patch, columns * patch)
        guard shape == [batch, 3, height, width] else {
            throw TorchError(
                operation: "cutting crops into patches",
                message: "their shape is \(shape) where [any, 3, \(height), \(width)] is expected")
        }
        let (type, device) = (try crops.dtype, crops.device)
        let above = try Tensor(zeros: [batch, 3, padding, width], dtype: type, device: device)
        let rowsMoved = try Tensor.concatenated(
            [above, crops.narrowed(dimension: 2, start: 0, count: height - padding)], dimension: 2)
        let left = try Tensor(zeros: [batch, 3, height, padding], dtype: type, device: device)
        let moved = try Tensor.concatenated(
            [left, rowsMoved.narrowed(dimension: 3, start: 0, count: width - padding)], dimension: 3)
        return try moved.reshaped([batch, 3, rows, patch, columns, patch]).permuted([0, 2, 4, 1, 3, 5])
            .reshaped([batch, rows * columns, 3 * patch * patch])
    }

    /// Attention and then a perceptron, each normalised before and added to what it was given.
    private struct Block {
        let attentionNormalization: LayerNormalization
        let queriesKeysValues: LinearLayer
        let projection: LinearLayer
        let perceptronNormalization: LayerNormalization
        let expansion: LinearLayer
        let contraction: LinearLayer
        let heads: Int

        var layers: [LinearLayer] { [queriesKeysValues, projection, expansion, contraction] }

        init(_ layers: CheckpointLayers, _ name: String, width: Int, heads: Int) throws {
            attentionNormalization = try layers.normalization("\(name).norm1", width: width, epsilon: 1e-6)
            queriesKeysValues = try layers.linear("\(name).attn.qkv", outputs: 3 * width, inputs: width)
            projection = try layers.linear("\(name).attn.proj", outputs: width, inputs: width)
            perceptronNormalization = try layers.normalization("\(name).norm2", width: width, epsilon: 1e-6)
            expansion = try layers.linear("\(name).mlp.fc1", inputs: width)
            contraction = try layers.linear("\(name).mlp.fc2", outputs: width, inputs: expansion.outputs)
            self.heads = heads
        }

        func callAsFunction(_ tokens: Tensor, _ dtype: DType) throws -> Tensor {
            let width = projection.outputs
            let all = try queriesKeysValues(try attentionNormalization(tokens, as: dtype), as: dtype)
            let mixed = try Tensor.attention(
                all.narrowed(dimension: 2, start: 0, count: width),
                all.narrowed(dimension: 2, start: width, count: width),
                all.narrowed(dimension: 2, start: 2 * width, count: width), heads: heads)
            let attended = try projection(mixed, plus: tokens)
            let hidden = try expansion(try perceptronNormalization(attended, as: dtype), gelu: true, as: dtype)
            return try contraction(hidden, plus: attended)
        }
    }
}
