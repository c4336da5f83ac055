package import Foundation

/// Where the files of PHALP's tracker lie: the layout that 4D-Humans' `track.py` gives its `~/.cache/phalp`.
///
/// What PHALP keeps beside these is not read: `3D/texture.npz` and the rest of its old network are for drawing, and the
/// mesh's triangles are SMPL's own.
package struct PHALPFolder: Sendable {
    /// The folder itself.
    package let url: URL

    /// The files in a folder; nothing is opened.
    package init(_ url: URL) {
        self.url = url
    }

    /// `$POSEBUS_PHALP`, else PHALP's own folder.
    package static func standard(environment: [String: String] = ProcessInfo.processInfo.environment) -> PHALPFolder {
        if let folder = environment["POSEBUS_PHALP"], !folder.isEmpty {
            return PHALPFolder(URL(fileURLWithPath: folder, isDirectory: true))
        }
        let home = URL(fileURLWithPath: environment["HOME"] ?? NSHomeDirectory(), isDirectory: true)
        return PHALPFolder(home.appendingPathComponent(".cache/phalp", isDirectory: true))
    }

    /// The folder that an option names, or the standard one.
    package static func chosen(_ path: String?) -> PHALPFolder {
        path.map { PHALPFolder(URL(fileURLWithPath: $0, isDirectory: true)) } ?? .standard()
    }

    /// HMAR's checkpoint: the encoder of appearance.
    package var appearance: URL { url.appendingPathComponent("weights/hmar_v2_weights.pth") }
    /// The pose transformer's checkpoint.
    package var posePredictor: URL { url.appendingPathComponent("weights/pose_predictor.pth") }
    /// The configuration it was trained with.
    package var posePredictorConfiguration: URL { url.appendingPathComponent("weights/pose_predictor.yaml") }
    /// Mean and deviation of a pose's numbers.
    package var poseStatistics: URL { url.appendingPathComponent("3D/mean_std.npy") }
    /// Where in its triangle each texel lies.
    package var textureWeights: URL { url.appendingPathComponent("3D/bmap_256.npy") }
    /// In which triangle each texel lies.
    package var textureFaces: URL { url.appendingPathComponent("3D/fmap_256.npy") }
    /// The mean pose, shape and camera; read only where the pose transformer's checkpoint does not hold them.
    package var meanParameters: URL { url.appendingPathComponent("3D/smpl_mean_params.npz") }

    /// Whether that file is there.
    package var hasMeanParameters: Bool { FileManager.default.fileExists(atPath: meanParameters.path) }

    /// The files that cannot be done without, and where PHALP gets each
    /// (PHALP `phalp/trackers/PHALP.py`, `cached_download_from_drive`).
    package var required: [(file: URL, source: String)] {
        let server = "https://www.cs.utexas.edu/~pavlakos/phalp"
        return [
            (appearance, "\(server)/weights/hmar_v2_weights.pth"),
            (posePredictor, "\(server)/weights/pose_predictor_40006.ckpt"),
            (posePredictorConfiguration, "\(server)/weights/config_40006.yaml"),
            (poseStatistics, "\(server)/3D/mean_std.npy"),
            (textureWeights, "\(server)/bmap_256.npy"),
            (textureFaces, "\(server)/fmap_256.npy"),
        ]
    }

    /// Whether everything that cannot be done without is there.
    package var isComplete: Bool { required.allSatisfy { FileManager.default.fileExists(atPath: $0.file.path) } }

    /// Checks that the files which cannot be done without are there, without reading them.
    ///
    /// - Throws: `WeightError` naming the first that is missing and how to get it.
    package func checkPresence() throws(WeightError) {
        for (file, source) in required where !FileManager.default.fileExists(atPath: file.path) {
            throw WeightError(
                description: "\(file.path) is missing; it is \(source), which 4D-Humans' track.py fetches by itself "
                    + "(curl --create-dirs -o \(file.path) \(source))")
        }
    }

    /// The error where the mean parameters are needed and missing.
    package static func missingMeanParameters(_ file: URL) -> WeightError {
        let source = "https://www.cs.utexas.edu/~pavlakos/phalp/3D/smpl_mean_params.npz"
        return WeightError(
            description: "\(file.path) is missing, and the pose transformer's checkpoint does not hold the mean pose "
                + "either; the file is \(source)")
    }
}
