package import Foundation
internal import HMR2
package import Weights

/// What of `pose_predictor.yaml` decides how the pose transformer computes, and the sizes that its tensors must have.
///
/// Source: PHALP `phalp/models/predictor/pose_transformer_v2.py`; the file is LART's `configs`.
package struct PosePredictorConfiguration: Sendable, Equatable {
    /// Numbers of a token.
    package var width: Int
    /// Frames in its window.
    package var frames: Int
    /// Attention heads.
    package var heads: Int
    /// Numbers of a head.
    package var headWidth: Int
    /// Layers of the first transformer.
    package var depth: Int
    /// How much shorter the sequence is between the two convolutions.
    package var stride: Int
    /// Their padding.
    package var padding: Int

    /// Reads a file.
    ///
    /// - Throws: `WeightError` that names file, line and key where it is no YAML or describes another model.
    package init(contentsOf url: URL) throws(WeightError) {
        try self.init(try ConfigurationFile.text(of: url), name: url.path)
    }

    /// Reads text; `name` is for messages.
    ///
    /// - Throws: `WeightError` that names file, line and key.
    package init(_ text: String, name: String) throws(WeightError) {
        let file = try ConfigurationFile(text, name: name, model: "PHALP's pose transformer")
        width = try file.requiredCount(["configs", "in_feat"], in: 1...16384)
        frames = try file.requiredCount(["configs", "frame_length"], in: 2...4096)
        // Frames without a pose are hidden, and those only: `bert_mask`'s other way hides poses by chance.
        try file.expect(["configs", "mask_type_test"], "zero")
        try file.expect(["configs", "extra_feat", "pose_shape", "dim"], String(PoseVector.count), ifPresent: true)
        let transformer = ["configs", "transformer"]
        heads = try file.requiredCount(transformer + ["heads"])
        headWidth = try file.requiredCount(transformer + ["dim_head"])
        depth = try file.requiredCount(transformer + ["depth"])
        stride = try file.requiredCount(transformer + ["conv", "stride"])
        padding = try file.requiredCount(transformer + ["conv", "pad"], in: 0...1024)
    }
}
