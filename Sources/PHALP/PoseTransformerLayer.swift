internal import Checkpoints
internal import HMR2
internal import Tensor

/// One layer of the pose transformer: attention and then a perceptron, each normalised before and added to what it was
/// given.
///
/// Source: PHALP `phalp/models/predictor/pose_transformer_v2.py` (`Attention`, `FeedForward`, `Transformer`).
struct PoseTransformerLayer {
    private let attentionNormalization: LayerNormalization
    private let queries: LinearLayer
    private let keysValues: LinearLayer
    private let projection: LinearLayer
    private let perceptronNormalization: LayerNormalization
    private let expansion: LinearLayer
    private let contraction: LinearLayer
    private let heads: Int
    private let dtype: DType

    /// What stands in for the score of a key that must not be attended to. It is large enough to leave nothing of it:
    /// e⁻¹⁰⁰⁰ is 0 in 32 bits, whatever the other scores are within reason.
    static let hiddenScore = -1000.0

    var byteCount: Int {
        [queries, keysValues, projection, expansion, contraction].reduce(0) { $0 + $1.byteCount }
    }

    init(_ layers: CheckpointLayers, _ name: String, configuration: PosePredictorConfiguration) throws {
        let (width, inner) = (configuration.width, configuration.heads * configuration.headWidth)
        attentionNormalization = try layers.normalization("\(name).0.norm", width: width, epsilon: 1e-5)
        // One matrix in the file: (queries, keys, values) below each other.
        let all = try layers.array("\(name).0.fn.to_qkv.weight", [3 * inner, width])
        (queries, keysValues) = try all.withFloats { weights in
            func rows(_ first: Int, _ count: Int) throws -> LinearLayer {
                try LinearLayer(
                    weight: UnsafeBufferPointer(rebasing: weights[(first * width)..<((first + count) * width)]),
                    bias: nil, outputs: count, inputs: width, precision: layers.precision, device: layers.device)
            }
            return (try rows(0, inner), try rows(inner, 2 * inner))
        }
        projection = try layers.linear("\(name).0.fn.to_out.0", outputs: width, inputs: inner)
        perceptronNormalization = try layers.normalization("\(name).1.norm", width: width, epsilon: 1e-5)
        expansion = try layers.linear("\(name).1.fn.net.0", inputs: width)
        contraction = try layers.linear("\(name).1.fn.net.3", outputs: width, inputs: expansion.outputs)
        heads = configuration.heads
        dtype = layers.precision.dtype
    }

    /// Applies the layer to some tokens, which attend to some.
    ///
    /// Hidden tokens are attended to by nobody, so their keys and values are not computed; and where only some tokens
    /// are read afterwards, only those need be.
    /// - Parameters:
    ///   - tokens: (B, T, width).
    ///   - attended: which tokens are attended to; nil for all.
    ///   - read: which tokens are wanted, places in (B · T), one for each of the batch; nil for all.
    /// - Returns: (B, T, width), or (B, 1, width) where only some are wanted.
    func callAsFunction(_ tokens: Tensor, attended: VisibleTokens? = nil, read: Tensor? = nil) throws -> Tensor {
        let (batch, width) = (tokens.shape[0], tokens.shape[2])
        let inner = queries.outputs
        func chosen(_ tensor: Tensor, _ places: Tensor) throws -> Tensor {
            try tensor.reshaped([-1, width]).taking(places, dimension: 0).reshaped([batch, -1, width])
        }
        let normalized = try attentionNormalization(tokens, as: dtype)
        let asking = try read.map { try chosen(normalized, $0) } ?? normalized
        let residual = try read.map { try chosen(tokens, $0) } ?? tokens
        let asked = try attended.map { try chosen(normalized, $0.places) } ?? normalized
        let q = try queries(asking)
        let both = try keysValues(asked)
        let hidden = try attended?.padding ?? Tensor(zeros: [batch, asked.shape[1]], device: tokens.device)
        let mixed = try Tensor.attention(
            q, both.narrowed(dimension: 2, start: 0, count: inner),
            both.narrowed(dimension: 2, start: inner, count: inner), heads: heads, hidden: hidden,
            score: Self.hiddenScore)
        let first = try projection(mixed, plus: residual)
        let expanded = try expansion(try perceptronNormalization(first, as: dtype), gelu: true, as: dtype)
        return try contraction(expanded, plus: first)
    }
}

/// The tokens of a batch of sequences that are there to be attended to.
struct VisibleTokens {
    /// (B · K), int64: K places in (B · T) for each sequence; where one has fewer, its last again.
    let places: Tensor
    /// (B, K): 1 for those repeated, which must not count twice.
    let padding: Tensor

    /// - Parameters:
    ///   - frames: the frames with a pose, in any order and at least one for each sequence.
    ///   - length: of a sequence.
    init(_ frames: [[Int]], length: Int, device: Device) throws {
        let count = frames.map(\.count).max() ?? 0
        var places: [Int] = []
        var padding: [Float] = []
        for (sequence, visible) in frames.enumerated() {
            for index in 0..<count {
                places.append(sequence * length + visible[min(index, visible.count - 1)])
                padding.append(index < visible.count ? 0 : 1)
            }
        }
        self.places = try Tensor(integers: places, shape: [places.count], device: device)
        self.padding = try Tensor(floats: padding, shape: [frames.count, count], device: device)
    }
}
