import Checkpoints
import Foundation
import PHALP
import Tensor
import Testing
import Weights

/// Files that are missing, damaged or another model's: the error names the file and the cause.
@Suite("PHALP's files")
struct BadFilesTests {
    private static let (weights, statistics) = ("3D/bmap_256.npy", "3D/mean_std.npy")

    /// What loading an altered folder says.
    private func message(_ change: (URL) throws -> Void) throws -> String {
        try Fixture.withFolder(change) { folder in
            let error = #expect(throws: (any Error).self) {
                try PHALPModel(
                    folder, faces: try Fixture.golden("faces").integers(), device: .cpu, precision: .fp32)
            }
            return error.map { "\($0)" } ?? ""
        }
    }

    private func message(replacing file: String, by other: String) throws -> String {
        try message { try Fixture.replace(file, in: $0, by: Fixture.folder.appending(path: other)) }
    }

    private func message(configuration old: String, _ new: String) throws -> String {
        try message { place in
            let url = place.appending(path: "weights/pose_predictor.yaml")
            let text = try String(contentsOf: url, encoding: .utf8)
            #expect(text.contains(old))
            try text.replacing(old, with: new).write(to: url, atomically: true, encoding: .utf8)
        }
    }

    @Test(arguments: [
        "weights/hmar_v2_weights.pth", "weights/pose_predictor.pth", "weights/pose_predictor.yaml", "3D/mean_std.npy",
        "3D/bmap_256.npy", "3D/fmap_256.npy",
    ])
    func whatIsMissingIsNamedWithWhereToGetIt(file: String) throws {
        let said = try message { try FileManager.default.removeItem(at: $0.appending(path: file)) }
        #expect(said.contains(file) && said.contains("https://www.cs.utexas.edu/~pavlakos/phalp/"), "\(said)")
    }

    @Test(arguments: [
        "weights/hmar_v2_weights.pth", "weights/pose_predictor.pth", "3D/mean_std.npy", "3D/bmap_256.npy",
        "3D/fmap_256.npy",
    ])
    func whatIsCutOffIsNamed(file: String) throws {
        let said = try message { place in
            let url = place.appending(path: file)
            let data = try Data(contentsOf: url)
            try data.prefix(data.count * 2 / 3).write(to: url)
        }
        #expect(said.contains(file), "\(said)")
    }

    @Test func anAlteredCheckpointIsNoticed() throws {
        let said = try message { place in
            let url = place.appending(path: "weights/pose_predictor.pth")
            var data = try Data(contentsOf: url)
            let name = try #require(data.range(of: Data("encoder.mask_token".utf8)))
            data[name.lowerBound] = UInt8(ascii: "x")
            try data.write(to: url)
        }
        #expect(said.contains("pose_predictor.pth"), "\(said)")
    }

    @Test func tensorsThatAreMissingOrOfAnotherShapeAreNamedWithBothShapes() throws {
        let missing = try message(configuration: "    depth: 2", "    depth: 3")
        #expect(missing.contains("pose_predictor.pth"), "\(missing)")
        #expect(missing.contains("encoder.transformer1.layers.2.0.norm.weight"), "\(missing)")
        let further = try message(configuration: "    depth: 2", "    depth: 1")
        #expect(further.contains("transformer1.layers.1.0.norm.weight"), "\(further)")
        #expect(further.contains("configs.transformer.depth"), "\(further)")
        let shape = try message(configuration: "in_feat: 16", "in_feat: 32")
        #expect(shape.contains("encoder.mask_token has the shape [16] where [32] is expected"), "\(shape)")
        let heads = try message(configuration: "    heads: 2", "    heads: 3")
        #expect(heads.contains("to_qkv.weight has the shape [48, 16] where [72, 16] is expected"), "\(heads)")
        let window = try message(configuration: "      pad: 1", "      pad: 0")
        #expect(window.contains("conv_en.weight has the shape [16, 16, 7] where [16, 16, 5] is expected"), "\(window)")
        let frames = try message(configuration: "frame_length: 25", "frame_length: 26")
        #expect(frames.contains("configs.frame_length is 26"), "\(frames)")
    }

    @Test func theMeanBodyIsReadFromItsFileWhereTheCheckpointHasNone() throws {
        let name = "smpl_head.0.init_cam"
        func rename(_ place: URL) throws {
            try Fixture.rewrite(name, "smpl_head.0.init_xyz", in: place.appending(path: "weights/pose_predictor.pth"))
        }
        let history = PoseHistory(
            poses: [Fixture.noise("pose", PoseVector.count)], frames: [0], framesSince: 0)
        func pose(_ folder: PHALPFolder) throws -> [Float] {
            try PosePredictor(folder, device: .cpu, precision: .fp32)([history])[0]
        }
        let usual = try Fixture.withFolder { try pose($0) }
        #expect(Fixture.distance(try Fixture.withFolder(rename) { try pose($0) }, usual) < 1e-6)
        let said = try message { place in
            try rename(place)
            try FileManager.default.removeItem(at: place.appending(path: "3D/smpl_mean_params.npz"))
        }
        #expect(said.contains("smpl_mean_params.npz is missing") && said.contains("https://"), "\(said)")
    }

    @Test func aTensorUnderAnotherNameIsMissing() throws {
        let said = try message { place in
            try Fixture.rewrite(
                "transformer2.layers.0.1.fn.net.3.bias", "transformer2.layers.0.1.fn.net.3.size",
                in: place.appending(path: "weights/pose_predictor.pth"))
        }
        #expect(said.contains("no tensor encoder.transformer2.layers.0.1.fn.net.3.bias"), "\(said)")
    }

    @Test func appearanceCheckpointsOfOtherNetworksAreNamed() throws {
        let file = "weights/hmar_v2_weights.pth"
        let other = try message(replacing: file, by: "other.pth")
        #expect(other.contains(file) && other.contains("hmar.encoding_head.conv1x.weight"), "\(other)")
        let three = try message(replacing: file, by: "three_channels.pth")
        #expect(three.contains(file) && three.contains("three channels"), "\(three)")
        let wrong = try message(replacing: file, by: "wrong_shape.pth")
        #expect(
            wrong.contains("encoding_head.conv2.weight has the shape [2, 3, 3, 3] where [any, 2, 3, 3] is expected"),
            "\(wrong)")
        let swapped = try message(replacing: file, by: "tiny/weights/pose_predictor.pth")
        #expect(swapped.contains(file) && swapped.contains("no model"), "\(swapped)")
        let back = try message(replacing: "weights/pose_predictor.pth", by: "tiny/\(file)")
        #expect(back.contains("pose_predictor.pth") && back.contains("no state_dict"), "\(back)")
    }

    @Test func nothingInAPickleIsExecuted() throws {
        let mark = URL(fileURLWithPath: "/tmp/phalp-was-here")
        try? FileManager.default.removeItem(at: mark)
        let array = try message(replacing: "3D/mean_std.npy", by: "attack.npy")
        #expect(array.contains("mean_std.npy") && array.contains("posix.system, which is not executed"), "\(array)")
        let checkpoint = try message(replacing: "weights/hmar_v2_weights.pth", by: "attack.pth")
        #expect(checkpoint.contains("posix.system, which is not executed"), "\(checkpoint)")
        #expect(!FileManager.default.fileExists(atPath: mark.path))
    }

    @Test(arguments: [
        ("mask_type_test: zero", "mask_type_test: random", "configs.mask_type_test"),
        ("      dim: 229", "      dim: 135", "configs.extra_feat.pose_shape.dim"),
        ("    heads: 2", "    heads: 0", "configs.transformer.heads"),
        ("    dim_head: 8", "    dim_head: many", "configs.transformer.dim_head"),
        ("configs:", "other:", "configs.in_feat"),
        ("      stride: 5", "      step: 5", "configs.transformer.conv.stride"),
        ("configs:", "configs: [", "pose_predictor.yaml"),
    ])
    func anotherModelsConfigurationIsRefusedByFileAndKey(old: String, new: String, key: String) throws {
        let said = try message(configuration: old, new)
        #expect(said.contains("pose_predictor.yaml") && said.contains(key), "\(said)")
    }

    @Test func mapsThatDoNotFitAreNamed() throws {
        let map = Fixture.atlas()
        let beyond = try message { place in
            try Fixture.write(
                map.faces.map { $0 < 0 ? $0 : $0 + 100_000 }, "<i8", [256, 256],
                to: place.appending(path: "3D/fmap_256.npy"))
        }
        #expect(beyond.contains("fmap_256.npy") && beyond.contains("beyond the 1344"), "\(beyond)")
        let small = try message { place in
            try Fixture.write(
                [Float](repeating: 0, count: 12), "<f4", [2, 2, 3], to: place.appending(path: Self.weights))
        }
        #expect(small.contains("bmap_256.npy") && small.contains("[2, 2, 3] where [256, 256, 3]"), "\(small)")
        let none = try message { place in
            try Fixture.write(
                map.weights.map { _ in Float.nan }, "<f4", [256, 256, 3], to: place.appending(path: Self.weights))
        }
        #expect(none.contains("bmap_256.npy") && none.contains("no number"), "\(none)")
    }

    @Test func statisticsOfAnotherModelAreNamed() throws {
        let long = try message { place in
            try Fixture.write(
                [Double](repeating: 1, count: 600), "<f8", [2, 1, 300], to: place.appending(path: Self.statistics))
        }
        #expect(long.contains("mean_std.npy") && long.contains("300 and 300 numbers"), "\(long)")
        let rows = try message { place in
            try Fixture.write(
                [Double](repeating: 1, count: 6), "<f8", [3, 2], to: place.appending(path: Self.statistics))
        }
        #expect(rows.contains("has the shape [3, 2]"), "\(rows)")
    }

    @Test func theFolderIsTheOneThatIsNamed() {
        #expect(PHALPFolder.standard(environment: ["POSEBUS_PHALP": "/a/b"]).url.path == "/a/b")
        #expect(PHALPFolder.standard(environment: ["HOME": "/home/x"]).url.path == "/home/x/.cache/phalp")
        #expect(PHALPFolder.chosen("/c").appearance.path == "/c/weights/hmar_v2_weights.pth")
    }
}
