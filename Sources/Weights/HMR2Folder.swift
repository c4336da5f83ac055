package import Foundation

/// Where the files of "Humans in 4D" (HMR2) lie: the layout that 4D-Humans gives its `~/.cache/4DHumans`.
package struct HMR2Folder: Sendable {
    /// The folder itself.
    package let url: URL

    /// The files in a folder; nothing is opened.
    package init(_ url: URL) {
        self.url = url
    }

    /// `$POSEBUS_HMR2`, else 4D-Humans' own folder.
    package static func standard(environment: [String: String] = ProcessInfo.processInfo.environment) -> HMR2Folder {
        if let folder = environment["POSEBUS_HMR2"], !folder.isEmpty {
            return HMR2Folder(URL(fileURLWithPath: folder, isDirectory: true))
        }
        let home = URL(fileURLWithPath: environment["HOME"] ?? NSHomeDirectory(), isDirectory: true)
        return HMR2Folder(home.appendingPathComponent(".cache/4DHumans", isDirectory: true))
    }

    /// The folder that `--hmr2-dir` names, or the standard one.
    package static func chosen(_ path: String?) -> HMR2Folder {
        path.map { HMR2Folder(URL(fileURLWithPath: $0, isDirectory: true)) } ?? .standard()
    }

    /// The configuration the network was trained with.
    package var configuration: URL { run.appendingPathComponent("model_config.yaml") }
    /// SMPL's own file, which its owners give to those who register.
    package var smpl: URL { url.appendingPathComponent("data/smpl/SMPL_NEUTRAL.pkl") }
    /// The 19 additional keypoints as weighted means of SMPL's vertices.
    package var extraRegressor: URL { url.appendingPathComponent("data/SMPL_to_J19.pkl") }
    /// The mean pose, shape and camera that the decoder starts from.
    package var meanParameters: URL { url.appendingPathComponent("data/smpl_mean_params.npz") }

    private var run: URL { url.appendingPathComponent("logs/train/multiruns/hmr2/0", isDirectory: true) }

    /// The one checkpoint of the folder.
    ///
    /// - Throws: `WeightError` where there is none, or more than one.
    package func checkpoint() throws(WeightError) -> URL {
        let folder = run.appendingPathComponent("checkpoints", isDirectory: true)
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
            .filter { $0.hasSuffix(".ckpt") }.sorted()
        guard let name = names.first else {
            throw WeightError(
                description: "there is no checkpoint (*.ckpt) in \(folder.path); `posebus models fetch hmr2` gets it, "
                    + "and --hmr2-dir names another folder of 4D-Humans' layout")
        }
        guard names.count == 1 else {
            throw WeightError(
                description: "\(folder.path) holds \(names.count) checkpoints (\(names.joined(separator: ", "))); "
                    + "leave the one to be used there")
        }
        return folder.appendingPathComponent(name)
    }

    /// Checks that the files which cannot be done without are there, without reading them.
    ///
    /// - Throws: `WeightError` naming the first that is missing and how to get it.
    package func checkPresence() throws(WeightError) {
        _ = try checkpoint()
        for file in [configuration, extraRegressor, meanParameters] {
            guard FileManager.default.fileExists(atPath: file.path) else {
                throw WeightError(description: "\(file.path) is missing; `posebus models fetch hmr2` gets it")
            }
        }
        guard FileManager.default.fileExists(atPath: smpl.path) else { throw Self.missingSMPL(smpl) }
    }

    /// SMPL is not ours to download: its licence is between its owners and each user.
    package static func missingSMPL(_ file: URL) -> WeightError {
        WeightError(
            description: "the SMPL body model is missing (\(file.path)). Its owners give it to those who register at "
                + "https://smplify.is.tue.mpg.de: download basicModel_neutral_lbs_10_207_0_v1.0.0.pkl, then "
                + "`posebus models add-smpl FILE` puts it in place and checks it")
    }
}
