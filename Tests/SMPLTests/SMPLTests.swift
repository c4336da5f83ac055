import Checkpoints
import Foundation
import SMPL
import Tensor
import Testing
import Weights

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

    @Test(
        "A hundred random bodies are those of smplx to 1e-5 m: vertices, joints, 44 keypoints",
        arguments: SMPLModel.Method.allCases)
    func parity(method: SMPLModel.Method) throws {
        let expected = try SafetensorsFile(contentsOf: smplFixtures.appending(path: "bodies.safetensors"))
        let model = try SMPLModel(Numbers.file, extraRegressor: Numbers.regressor(7, 19), method: method)
        let bodies = try model(
            betas: try tensor(expected, "betas"), rotations: try tensor(expected, "rotations"))
        let places = try expected.tensors.array("vertex_places").integers()
        #expect(try distance(bodies.joints, expected.tensors.array("joints")) < 1e-5)
        #expect(
            try distance(bodies.vertices.selecting(places, dimension: 1), expected.tensors.array("vertices")) < 1e-5)
        let keypoints = try #require(bodies.keypoints)
        #expect(try distance(keypoints, expected.tensors.array("keypoints")) < 1e-5)
    }

    @Test(
        "Hips are moved as 4D-Humans moves them where its configuration says so",
        arguments: SMPLModel.Method.allCases)
    func hips(method: SMPLModel.Method) throws {
        let expected = try SafetensorsFile(contentsOf: smplFixtures.appending(path: "bodies.safetensors"))
        let model = try SMPLModel(
            Numbers.file, extraRegressor: Numbers.regressor(7, 19), updatesHips: true, method: method)
        let bodies = try model(
            betas: try tensor(expected, "betas").narrowed(dimension: 0, start: 0, count: 2),
            rotations: try tensor(expected, "rotations").narrowed(dimension: 0, start: 0, count: 2))
        let keypoints = try #require(bodies.keypoints)
        #expect(try distance(keypoints, expected.tensors.array("keypoints_hips")) < 1e-5)
    }

    @Test("A file as its owners publish it, with chumpy, SciPy and more betas than are used, gives smplx's bodies")
    func publishedFile() throws {
        let file = try SMPLFile(contentsOf: smplFixtures.appending(path: "small.pkl"))
        #expect(file.vertexCount == 12)
        #expect(file.faces.count == 60)
        let inputs = try SafetensorsFile(contentsOf: smplFixtures.appending(path: "bodies.safetensors"))
        let expected = try SafetensorsFile(contentsOf: smplFixtures.appending(path: "small.safetensors"))
        let bodies = try SMPLModel(file)(
            betas: try tensor(inputs, "betas").narrowed(dimension: 0, start: 0, count: 3),
            rotations: try tensor(inputs, "rotations").narrowed(dimension: 0, start: 0, count: 3))
        #expect(try distance(bodies.joints, expected.tensors.array("joints")) < 1e-5)
        #expect(try distance(bodies.vertices, expected.tensors.array("vertices")) < 1e-5)
        #expect(bodies.keypoints == nil)
    }

    @Test("A file that is no SMPL model is refused, and the message says what is wrong with it")
    func otherFiles() throws {
        let checkpoints = smplFixtures.appending(path: "../checkpoints").standardizedFileURL
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
        let small = try SMPLFile(contentsOf: smplFixtures.appending(path: "small.pkl"))
        let keypoints = #expect(throws: TorchError.self) {
            try SMPLModel(small, extraRegressor: [Float](repeating: 0, count: 19 * 12))
        }
        #expect(keypoints?.message.contains("has 12 vertices") == true)
    }
}
