package import Foundation
package import Weights
internal import Yams

/// What of `model_config.yaml` decides how HMR2 computes. Sizes that can be seen in the checkpoint are taken from there.
///
/// Source: 4D-Humans `hmr2/models/{hmr2,heads/smpl_head}.py`, `hmr2/configs/__init__.py`.
package struct HMR2Configuration: Sendable, Equatable {
    /// Attention heads of the backbone.
    package var backboneHeads = 16
    /// Attention heads of the decoder.
    package var decoderHeads = 8
    /// What the decoder's query is made of.
    package var query = Query.zero
    /// How often the decoder corrects its own answer (iterative error feedback).
    package var iterations = 1
    /// The focal length that cameras are given with, in pixels of the 256-pixel crop.
    package var focalLength: Float = 5000
    /// Red, green and blue of the mean pixel, 0…1.
    package var imageMean: [Float] = [0.485, 0.456, 0.406]
    /// Their standard deviations.
    package var imageDeviation: [Float] = [0.229, 0.224, 0.225]
    /// Moves OpenPose's hips in the 44 keypoints.
    package var updatesHips = false

    /// The decoder's query token.
    package enum Query: String, Sendable, CaseIterable {
        /// A single zero.
        case zero
        /// The current pose, betas and camera.
        case meanShape = "mean_shape"
    }

    /// The released models' configuration.
    package init() {}

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
        let file = try ConfigurationFile(text, name: name, model: "an HMR2 model")
        try file.expect(["MODEL", "BACKBONE", "TYPE"], "vit")
        try file.expect(["MODEL", "SMPL_HEAD", "TYPE"], "transformer_decoder")
        try file.expect(["MODEL", "SMPL_HEAD", "JOINT_REP"], "6d", ifPresent: true)
        try file.expect(["MODEL", "SMPL_HEAD", "TRANSFORMER_DECODER", "norm"], "layer", ifPresent: true)
        try file.expect(["MODEL", "IMAGE_SIZE"], "256", ifPresent: true)
        try file.expect(["SMPL", "NUM_BODY_JOINTS"], "23", ifPresent: true)
        if let heads = try file.count(["MODEL", "BACKBONE", "NUM_HEADS"]) { backboneHeads = heads }
        if let heads = try file.count(["MODEL", "SMPL_HEAD", "TRANSFORMER_DECODER", "heads"]) { decoderHeads = heads }
        if let value = try file.count(["MODEL", "SMPL_HEAD", "IEF_ITERS"]) { iterations = value }
        if let value = try file.number(["EXTRA", "FOCAL_LENGTH"]) { focalLength = value }
        if let values = try file.triple(["MODEL", "IMAGE_MEAN"]) { imageMean = values }
        if let values = try file.triple(["MODEL", "IMAGE_STD"]) { imageDeviation = values }
        if let value = try file.bool(["SMPL", "UPDATE_HIPS"]) { updatesHips = value }
        let key = ["MODEL", "SMPL_HEAD", "TRANSFORMER_INPUT"]
        if let node = try file.node(key) {
            guard let query = node.scalar.flatMap({ Query(rawValue: $0.string) }) else {
                throw file.unexpected(key, node, "zero or mean_shape")
            }
            self.query = query
        }
    }
}
