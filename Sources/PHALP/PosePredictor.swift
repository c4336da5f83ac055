internal import Checkpoints
internal import Foundation
internal import HMR2
package import Tensor
package import Weights

/// The transformer that continues a person's poses, on one device.
///
/// Source: PHALP `phalp/models/predictor/pose_transformer_v2.py` (`lart_transformer`, `Pose_transformer_v2.predict_next`).
///
/// The public code removes `encoder.` wherever it occurs in a tensor's name and then loads what fits
/// (`strict=False`). That also turns `encoder.pose_shape_encoder.0.weight` into `pose_shape_0.weight`, which nothing is
/// called: its first two layers keep PyTorch's random numbers, other ones at every start, while everything behind them
/// was trained with the ones in the file. Here the file's are used. So what this answers with is what the public code
/// answers with once those four tensors are loaded too; without them it does not agree with itself from start to start.
/// Everything else is loaded there as here: the learned places, the first and the second transformer, both convolutions,
/// both heads. Read by nothing that predicts, and skipped: the fixed places (`pe`, `pos_embedding`), `transformer`
/// without a number, the class token, the heads for actions.
package final class PosePredictor {
    /// Which frame of the answer is taken.
    package enum Reading: Sendable, CaseIterable {
        /// For everybody the frame that the first history asks for: what the public code does (`[0]` after the
        /// persons were stacked). It makes a difference where histories are of different lengths or ages.
        case asPublished
        /// For everybody the frame that their own history asks for.
        case ownFrame
    }

    /// What the folder's configuration says.
    package let configuration: PosePredictorConfiguration
    /// Bytes of the transformers' weights.
    package var weightBytes: Int { (layers + [lastLayer]).reduce(0) { $0 + $1.byteCount } }

    private let statistics: PoseStatistics
    private let embedding: [LinearLayer]
    private let maskToken: Tensor  // (1, 1, width)
    private let firstPlaces: Tensor  // (1, frames, width)
    private let secondPlaces: Tensor  // (1, frames, width)
    private let layers: [PoseTransformerLayer]
    private let lastLayer: PoseTransformerLayer
    private let shortening: SequenceConvolution
    private let lengthening: SequenceConvolution
    private let readout: PoseReadout
    private let device: Device

    /// The most persons that are computed at once.
    private static let largestBatch = 32

    /// Loads a folder.
    ///
    /// - Throws: `WeightError` or `CheckpointError` naming the file and what about it is wrong, `TorchError` where the
    ///   device cannot be used.
    package init(_ folder: PHALPFolder, device: Device, precision: Precision) throws {
        let configuration = try PosePredictorConfiguration(contentsOf: folder.posePredictorConfiguration)
        statistics = try PoseStatistics(contentsOf: folder.poseStatistics)
        let tensors = try TorchFile(contentsOf: folder.posePredictor).stateDictionary("state_dict")
        let source = CheckpointLayers(tensors: tensors, device: device, precision: precision)
        let root = tensors.contains("mask_token") ? "" : "encoder."
        let (width, frames) = (configuration.width, configuration.frames)
        try Self.check(tensors, root, configuration, in: folder)

        maskToken = try source.tensor("\(root)mask_token", [width]).reshaped([1, 1, width])
        firstPlaces = try source.tensor("\(root)pos_embedding_learned1", [1, frames, width])
        secondPlaces = try source.tensor("\(root)pos_embedding_learned2", [1, frames, width])
        let encoder = "\(root)pose_shape_encoder"
        let hidden = try source.linear("\(encoder).0", inputs: PoseVector.count, precision: .fp32)
        embedding = [
            hidden, try source.linear("\(encoder).2", outputs: width, inputs: hidden.outputs, precision: .fp32),
        ]
        layers = try (0..<configuration.depth).map {
            try PoseTransformerLayer(source, "\(root)transformer1.layers.\($0)", configuration: configuration)
        }
        lastLayer = try PoseTransformerLayer(
            source, "\(root)transformer2.layers.0", configuration: configuration)
        func convolution(_ name: String, _ direction: SequenceConvolution.Direction) throws -> SequenceConvolution {
            let window = configuration.stride + 2 * configuration.padding
            return SequenceConvolution(
                direction, weight: try source.tensor("\(root)\(name).weight", [width, width, window]),
                bias: try source.tensor("\(root)\(name).bias", [width]), stride: configuration.stride,
                padding: configuration.padding)
        }
        shortening = try convolution("conv_en", .shortening)
        lengthening = try convolution("conv_de", .lengthening)
        readout = try PoseReadout(source, root, width: width, folder: folder)
        self.configuration = configuration
        self.device = device
    }

    /// What no single tensor's shape says: as many layers as the configuration has, and frames that the convolutions
    /// give back.
    private static func check(
        _ tensors: TensorDictionary, _ root: String, _ configuration: PosePredictorConfiguration,
        in folder: PHALPFolder
    ) throws {
        let name = "\(root)transformer1.layers.\(configuration.depth).0.norm.weight"
        guard !tensors.contains(name) else {
            throw CheckpointError(
                file: tensors.fileName, .malformed,
                "it holds the tensor \(name), beyond the \(configuration.depth) layers of configs.transformer.depth in "
                    + folder.posePredictorConfiguration.path)
        }
        let steps = (configuration.frames - configuration.stride) / configuration.stride + 1
        guard configuration.frames >= configuration.stride, steps * configuration.stride == configuration.frames else {
            throw WeightError(
                description: "\(folder.posePredictorConfiguration.path): configs.frame_length is "
                    + "\(configuration.frames), which configs.transformer.conv.stride, \(configuration.stride), does not "
                    + "divide; this is not the configuration of PHALP's pose transformer that PoseBus can run")
        }
    }

    /// The poses that persons will have.
    ///
    /// - Parameters:
    ///   - histories: one a person, each with at least one pose.
    ///   - inspect: is given each layer's result by a name, for comparisons; of a batch of up to 32.
    /// - Returns: 229 numbers a person (`PoseVector`): rotations, betas and the place, not normalised.
    /// - Throws: `TorchError` for a history that cannot be, or where the device fails.
    package func callAsFunction(
        _ histories: [PoseHistory], reading: Reading = .asPublished,
        inspect: ((String, Tensor) throws -> Void)? = nil
    ) throws -> [[Float]] {
        let windows = try histories.map { try PoseWindow($0, length: configuration.frames) }
        let read = windows.map { reading == .asPublished ? windows[0].asked : $0.asked }
        var answers: [[Float]] = []
        for first in stride(from: 0, to: windows.count, by: Self.largestBatch) {
            let part = first..<min(first + Self.largestBatch, windows.count)
            answers += try predict(Array(windows[part]), read: Array(read[part]), inspect)
        }
        return answers
    }

    private func predict(
        _ windows: [PoseWindow], read: [Int], _ inspect: ((String, Tensor) throws -> Void)?
    ) throws -> [[Float]] {
        let (batch, frames, width) = (windows.count, configuration.frames, configuration.width)
        let visible = try VisibleTokens(windows.map(\.frames), length: frames, device: device)
        var tokens = try embedded(windows).plus(firstPlaces)
        try inspect?("tokens", tokens)
        for (index, layer) in layers.enumerated() {
            tokens = try layer(tokens, attended: visible)
            try inspect?("transformer1_\(index)", tokens)
        }
        let short = try shortening(try tokens.permuted([0, 2, 1]))
        try inspect?("conv_en", short)
        let long = try lengthening(short)
        try inspect?("conv_de", long)
        tokens = try long.permuted([0, 2, 1]).plus(secondPlaces)
        // What is read of the last layer is one token a person.
        let places = try Tensor(integers: read.enumerated().map { $0 * frames + $1 }, shape: [batch], device: device)
        let last = try lastLayer(tokens, read: places).reshaped([batch, width])
        try inspect?("transformer2", last)
        let answers = try readout(last)
        guard answers.joined().allSatisfy(\.isFinite) else {
            throw TorchError(
                operation: "predicting a pose",
                message: "the network answered with no number; its weights or the poses it was given are damaged")
        }
        return answers
    }

    /// A token a frame, (B, frames, width): a pose, or the token that stands for none.
    private func embedded(_ windows: [PoseWindow]) throws -> Tensor {
        let (frames, width) = (configuration.frames, configuration.width)
        let places = windows.enumerated().flatMap { index, window in window.frames.map { index * frames + $0 } }
        let poses = windows.flatMap { $0.poses.map(statistics.normalized) }
        let given = try Tensor(floats: Array(poses.joined()), shape: [places.count, PoseVector.count], device: device)
        let tokens = try embedding[1](try embedding[0](given).rectified())
        let empty = try Tensor(zeros: [windows.count * frames, width], device: device)
            .plus(maskToken.reshaped([1, width]))
        let indices = try Tensor(integers: places, shape: [places.count], device: device)
        return try empty.putting(tokens, at: indices, dimension: 0).reshaped([windows.count, frames, width])
    }
}
