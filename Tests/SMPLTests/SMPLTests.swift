import Checkpoints
import Foundation
import SMPL
import Tensor
import Testing
import Weights

/// What smplx makes of the same numbers; `make_fixtures.py` in it says how.
private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/smpl").standardizedFileURL

/// The numbers of the script's model, computed again.
private enum Numbers {
    static let vertices = 6890

    static func noise(_ seed: UInt64, _ count: Int) -> [Double] {
        (0..<UInt64(count)).map { place in
            var z = seed &* 0x9E37_79B9_7F4A_7C15 &+ place &* 0xD134_2543_DE82_EF95
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            z ^= z >> 31
            return Double(z >> 11) / 0x1p53 - 0.5
        }
    }

    static func regressor(_ seed: UInt64, _ rows: Int) -> [Float] {
        var matrix = [Float](repeating: 0, count: rows * vertices)
        for (index, value) in noise(seed, rows * 8).enumerated() {
            matrix[index / 8 * vertices + Int(((value + 0.5) * Double(vertices)).rounded(.down))] += 1 / 8
        }
        return matrix
    }

    static let file: SMPLFile = {
        let size: [Double] = [0.5, 1.7, 0.3]
        var weights = noise(5, vertices * 24).map { value in
            let squared = (value + 0.5) * (value + 0.5)
            return squared * squared * squared * squared
        }
        for row in stride(from: 0, to: weights.count, by: 24) {
            let total = weights[row..<(row + 24)].reduce(0, +)
            for place in row..<(row + 24) { weights[place] /= total }
        }
        return SMPLFile(
            template: noise(1, vertices * 3).enumerated().map { Float($1 * size[$0 % 3]) },
            shapeDirections: noise(2, vertices * 30).map { Float($0 * 0.05) },
            poseDirections: noise(3, vertices * 3 * 207).map { Float($0 * 0.02) },
            jointRegressor: regressor(4, 24), skinningWeights: weights.map { Float($0) },
            parents: [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21],
            faces: [0, 1, 2])
    }()
}

@Suite("SMPL")
struct SMPLTests {
    private func tensor(_ file: SafetensorsFile, _ name: String) throws -> Tensor {
        let array = try file.tensors.array(name)
        return try Tensor(floats: array.floats(), shape: array.shape)
    }

    /// The largest difference of two lists of metres.
    private func distance(_ ours: Tensor, _ theirs: StoredArray) throws -> Float {
        #expect(ours.shape == theirs.shape)
        return zip(try ours.floats(), try theirs.floats()).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test("A hundred random bodies are those of smplx to 1e-5 m: vertices, joints, 44 keypoints")
    func parity() throws {
        let expected = try SafetensorsFile(contentsOf: folder.appending(path: "bodies.safetensors"))
        let model = try SMPLModel(Numbers.file, extraRegressor: Numbers.regressor(7, 19))
        let bodies = try model(
            betas: try tensor(expected, "betas"), rotations: try tensor(expected, "rotations"))
        let places = try expected.tensors.array("vertex_places").integers()
        #expect(try distance(bodies.joints, expected.tensors.array("joints")) < 1e-5)
        #expect(
            try distance(bodies.vertices.selecting(places, dimension: 1), expected.tensors.array("vertices")) < 1e-5)
        let keypoints = try #require(bodies.keypoints)
        #expect(try distance(keypoints, expected.tensors.array("keypoints")) < 1e-5)
    }

    @Test("Hips are moved as 4D-Humans moves them where its configuration says so")
    func hips() throws {
        let expected = try SafetensorsFile(contentsOf: folder.appending(path: "bodies.safetensors"))
        let model = try SMPLModel(Numbers.file, extraRegressor: Numbers.regressor(7, 19), updatesHips: true)
        let bodies = try model(
            betas: try tensor(expected, "betas").narrowed(dimension: 0, start: 0, count: 2),
            rotations: try tensor(expected, "rotations").narrowed(dimension: 0, start: 0, count: 2))
        let keypoints = try #require(bodies.keypoints)
        #expect(try distance(keypoints, expected.tensors.array("keypoints_hips")) < 1e-5)
    }

    @Test("A file as its owners publish it, with chumpy, SciPy and more betas than are used, gives smplx's bodies")
    func publishedFile() throws {
        let file = try SMPLFile(contentsOf: folder.appending(path: "small.pkl"))
        #expect(file.vertexCount == 12)
        #expect(file.faces.count == 60)
        let inputs = try SafetensorsFile(contentsOf: folder.appending(path: "bodies.safetensors"))
        let expected = try SafetensorsFile(contentsOf: folder.appending(path: "small.safetensors"))
        let bodies = try SMPLModel(file)(
            betas: try tensor(inputs, "betas").narrowed(dimension: 0, start: 0, count: 3),
            rotations: try tensor(inputs, "rotations").narrowed(dimension: 0, start: 0, count: 3))
        #expect(try distance(bodies.joints, expected.tensors.array("joints")) < 1e-5)
        #expect(try distance(bodies.vertices, expected.tensors.array("vertices")) < 1e-5)
        #expect(bodies.keypoints == nil)
    }

    @Test("A file that is no SMPL model is refused, and the message says what is wrong with it")
    func otherFiles() throws {
        let checkpoints = folder.appending(path: "../checkpoints").standardizedFileURL
        let shape = #expect(throws: CheckpointError.self) {
            try SMPLFile(contentsOf: checkpoints.appending(path: "smpl_like_2.pkl"))
        }
        #expect(shape?.message == "shapedirs has the shape [6, 3, 4] where [6, 3, 10 or more] is expected")
        let missing = #expect(throws: CheckpointError.self) {
            try SMPLFile(contentsOf: checkpoints.appending(path: "numpy2.pkl"))
        }
        #expect(missing?.message.contains("holds no v_template") == true)
        let attack = #expect(throws: CheckpointError.self) {
            try SMPLFile(contentsOf: checkpoints.appending(path: "attack.pkl"))
        }
        #expect(attack?.message.contains("posix.system, which is not executed") == true)
        let small = try SMPLFile(contentsOf: folder.appending(path: "small.pkl"))
        let keypoints = #expect(throws: TorchError.self) {
            try SMPLModel(small, extraRegressor: [Float](repeating: 0, count: 19 * 12))
        }
        #expect(keypoints?.message.contains("has 12 vertices") == true)
    }
}
