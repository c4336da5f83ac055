internal import Checkpoints
internal import Tensor

/// HMR2's head: a transformer decoder whose single query reads SMPL's parameters and a camera from the patches.
///
/// Source: 4D-Humans `hmr2/models/heads/smpl_head.py` and `components/pose_transformer.py`.
final class PoseDecoder {
    /// Pose as 24 rotations of 6 numbers, shape, camera.
    static let (poseCount, betaCount, cameraCount) = (144, 10, 3)

    /// What the head answers with, all 32-bit.
    struct Answer {
        /// `global_orient` and `body_pose`, (B, 144): six numbers a joint.
        var pose: Tensor
        /// (B, 10)
        var betas: Tensor
        /// Weak-perspective camera (scale, x, y), (B, 3).
        var camera: Tensor
    }

    private let embedding: LinearLayer
    private let position: Tensor  // (1, 1, width)
    private let blocks: [Block]
    private let poseReadout: LinearLayer
    private let betasReadout: LinearLayer
    private let cameraReadout: LinearLayer
    private let start: Answer
    private let query: HMR2Configuration.Query
    private let iterations: Int
    private let dtype: DType
    private let device: Device

    /// - Parameter mean: the starting pose, betas and camera, used where the checkpoint does not hold them.
    init(
        _ layers: CheckpointLayers, contextWidth: Int, configuration: HMR2Configuration,
        mean: @autoclosure () throws -> MeanParameters
    ) throws {
        let root = "smpl_head.transformer"
        query = configuration.query
        let queryWidth = query == .zero ? 1 : Self.poseCount + Self.betaCount + Self.cameraCount
        embedding = try layers.linear("\(root).to_token_embedding", inputs: queryWidth, precision: .fp32)
        let width = embedding.outputs
        // A table of places for as many tokens as were trained; there is one.
        position = try layers.tensor("\(root).pos_embedding", [1, nil, width])
            .narrowed(dimension: 1, start: 0, count: 1)
        let names = (0..<layers.depth("\(root).transformer.layers", "0.norm.weight")).map {
            "\(root).transformer.layers.\($0)"
        }
        guard !names.isEmpty else {
            throw CheckpointError(
                file: layers.tensors.fileName, .malformed,
                "there is no tensor \(root).transformer.layers.0.0.norm.weight")
        }
        blocks = try names.map {
            try Block(layers, $0, width: width, contextWidth: contextWidth, heads: configuration.decoderHeads)
        }
        // Few numbers that everything depends on: in 32 bits always.
        func readout(_ name: String, _ count: Int) throws -> LinearLayer {
            try layers.linear("smpl_head.\(name)", outputs: count, inputs: width, precision: .fp32)
        }
        poseReadout = try readout("decpose", Self.poseCount)
        betasReadout = try readout("decshape", Self.betaCount)
        cameraReadout = try readout("deccam", Self.cameraCount)

        let initial = ["smpl_head.init_body_pose", "smpl_head.init_betas", "smpl_head.init_cam"]
        if initial.allSatisfy(layers.tensors.contains) {
            start = Answer(
                pose: try layers.tensor(initial[0], [1, Self.poseCount]),
                betas: try layers.tensor(initial[1], [1, Self.betaCount]),
                camera: try layers.tensor(initial[2], [1, Self.cameraCount]))
        } else {
            let mean = try mean()
            start = Answer(
                pose: try Tensor(floats: mean.pose, shape: [1, Self.poseCount]).to(layers.device),
                betas: try Tensor(floats: mean.betas, shape: [1, Self.betaCount]).to(layers.device),
                camera: try Tensor(floats: mean.camera, shape: [1, Self.cameraCount]).to(layers.device))
        }
        iterations = configuration.iterations
        dtype = layers.precision.dtype
        device = layers.device
    }

    /// Multiplications and additions of one crop's matrix products.
    var operationsPerCrop: Int {
        let tokens = VisionTransformer.rows * VisionTransformer.columns
        let once = blocks.reduce(0) { sum, block in
            let keysValues = 2 * tokens * block.crossKeysValues.inputs * block.crossKeysValues.outputs
            return sum + keysValues + block.queryLayers.reduce(0) { $0 + 2 * $1.inputs * $1.outputs }
        }
        return once * iterations
    }

    var weightBytes: Int {
        let readouts = [embedding, poseReadout, betasReadout, cameraReadout]
        let layers = blocks.flatMap { $0.queryLayers + [$0.crossKeysValues] }
        return (readouts + layers).reduce(0) { $0 + $1.byteCount }
    }

    /// Reads the parameters from the backbone's tokens, (B, 192, width).
    func callAsFunction(_ context: Tensor) throws -> Answer {
        let batch = context.shape[0]
        let rows = try Tensor(zeros: [batch, 1], device: device)
        var answer = Answer(
            pose: try start.pose.plus(rows), betas: try start.betas.plus(rows), camera: try start.camera.plus(rows))
        for _ in 0..<iterations {
            let token: Tensor
            switch query {
            case .zero: token = try Tensor(zeros: [batch, 1, 1], device: device)
            case .meanShape:
                let all = try Tensor.concatenated([answer.pose, answer.betas, answer.camera], dimension: 1)
                token = try all.reshaped([batch, 1, all.shape[1]])
            }
            var x = try embedding(token).plus(position)
            for block in blocks { x = try block(x, context, dtype) }
            let read = try x.reshaped([batch, embedding.outputs])
            answer = Answer(
                pose: try poseReadout(read, plus: answer.pose), betas: try betasReadout(read, plus: answer.betas),
                camera: try cameraReadout(read, plus: answer.camera))
        }
        return answer
    }

    /// Self-attention, attention to the patches, a perceptron: each normalised before and added to what it was given.
    private struct Block {
        let selfNormalization: LayerNormalization
        let selfQueriesKeysValues: LinearLayer
        let selfProjection: LinearLayer?
        let crossNormalization: LayerNormalization
        let crossQueries: LinearLayer
        let crossKeysValues: LinearLayer
        let crossProjection: LinearLayer?
        let perceptronNormalization: LayerNormalization
        let expansion: LinearLayer
        let contraction: LinearLayer
        let heads: Int

        /// Those that see one token a crop.
        var queryLayers: [LinearLayer] {
            [selfQueriesKeysValues, crossQueries, expansion, contraction]
                + [selfProjection, crossProjection].compactMap { $0 }
        }

        init(_ layers: CheckpointLayers, _ name: String, width: Int, contextWidth: Int, heads: Int) throws {
            func normalization(_ part: Int) throws -> LayerNormalization {
                try layers.normalization("\(name).\(part).norm", width: width, epsilon: 1e-5)
            }
            selfNormalization = try normalization(0)
            selfQueriesKeysValues = try layers.linear("\(name).0.fn.to_qkv", inputs: width, hasBias: false)
            let inner = selfQueriesKeysValues.outputs / 3
            guard inner > 0, inner * 3 == selfQueriesKeysValues.outputs, inner % heads == 0 else {
                throw CheckpointError(
                    file: layers.tensors.fileName, .malformed,
                    "the tensor \(name).0.fn.to_qkv.weight has \(selfQueriesKeysValues.outputs) rows, which cannot be "
                        + "queries, keys and values of \(heads) attention heads "
                        + "(MODEL.SMPL_HEAD.TRANSFORMER_DECODER.heads)")
            }
            /// A single head as wide as the token is not projected: the original leaves the layer out.
            func projection(_ part: Int) throws -> LinearLayer? {
                if heads == 1, inner == width { return nil }
                return try layers.linear("\(name).\(part).fn.to_out.0", outputs: width, inputs: inner)
            }
            selfProjection = try projection(0)
            crossNormalization = try normalization(1)
            crossQueries = try layers.linear("\(name).1.fn.to_q", outputs: inner, inputs: width, hasBias: false)
            crossKeysValues = try layers.linear(
                "\(name).1.fn.to_kv", outputs: 2 * inner, inputs: contextWidth, hasBias: false)
            crossProjection = try projection(1)
            perceptronNormalization = try normalization(2)
            expansion = try layers.linear("\(name).2.fn.net.0", inputs: width)
            contraction = try layers.linear("\(name).2.fn.net.3", outputs: width, inputs: expansion.outputs)
            self.heads = heads
        }

        func callAsFunction(_ tokens: Tensor, _ context: Tensor, _ dtype: DType) throws -> Tensor {
            let inner = crossQueries.outputs
            func part(_ tensor: Tensor, _ index: Int) throws -> Tensor {
                try tensor.narrowed(dimension: 2, start: index * inner, count: inner)
            }
            func projected(_ mixed: Tensor, _ layer: LinearLayer?, plus residual: Tensor) throws -> Tensor {
                guard let layer else { return try mixed.to(.float32).plus(residual) }
                return try layer(mixed, plus: residual)
            }
            let own = try selfQueriesKeysValues(try selfNormalization(tokens, as: dtype), as: dtype)
            let selfMixed = try Tensor.attention(part(own, 0), part(own, 1), part(own, 2), heads: heads)
            let first = try projected(selfMixed, selfProjection, plus: tokens)

            let queries = try crossQueries(try crossNormalization(first, as: dtype), as: dtype)
            let read = try crossKeysValues(context, as: dtype)
            let crossMixed = try Tensor.attention(queries, part(read, 0), part(read, 1), heads: heads)
            let second = try projected(crossMixed, crossProjection, plus: first)

            let hidden = try expansion(try perceptronNormalization(second, as: dtype), gelu: true, as: dtype)
            return try contraction(hidden, plus: second)
        }
    }
}
