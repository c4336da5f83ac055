import Checkpoints
import Foundation
import Testing

/// The folder of TFLite fixtures; `make_fixtures.py` in it says how they came about.
let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/tflite").standardizedFileURL

@Suite("TFLite files")
struct TFLiteModelTests {
    @Test("A graph is read with its names, shapes and options")
    func graph() throws {
        let model = try TFLiteModel(contentsOf: fixtures.appending(path: "convolutions.tflite"))
        #expect(model.summary == "fixture")
        #expect(model.inputs.map { model.tensors[$0].shape } == [[1, 9, 12, 3]])
        #expect(model.outputs.map { model.tensors[$0].shape } == [[1, 3, 5, 9], [1, 9, 12, 1], [1, 9, 12, 5]])
        let convolutions = model.operators.filter { $0.kind == .conv2D }
        #expect(convolutions.count == 5)
        guard case .convolution(let window) = convolutions[0].options else {
            Issue.record("a convolution has the options \(convolutions[0].options)")
            return
        }
        #expect(window.padding == .same)
        #expect(window.activation == .relu6)
        #expect(window.strideHeight == 2 && window.strideWidth == 2)
        guard case .convolution(let last) = convolutions[4].options else { return }
        #expect(last.dilationHeight == 2 && last.dilationWidth == 2)
    }

    @Test("Constants are read in every type: fp16, fp32, int32")
    func constants() throws {
        let model = try TFLiteModel(contentsOf: fixtures.appending(path: "padding.tflite"))
        let pad = try #require(model.operators.first { $0.kind == .pad })
        let amounts = model.tensors[try #require(pad.inputs[1])]
        #expect(amounts.shape == [4, 2])
        #expect(try amounts.integers() == [0, 0, 1, 1, 1, 1, 0, 0])
        #expect(throws: CheckpointError.self) { try amounts.floats() }
        let half = try TFLiteModel(contentsOf: fixtures.appending(path: "convolutions.tflite"))
        let packed = try #require(half.tensors.first { $0.type == .float16 })
        #expect(try packed.floats().count == packed.count)
        #expect(throws: CheckpointError.self) { try half.tensors[half.inputs[0]].floats() }
    }

    @Test("Sparse constants get their zeros back")
    func sparse() throws {
        let model = try TFLiteModel(contentsOf: fixtures.appending(path: "sparse.tflite"))
        let sparse = model.tensors.filter { $0.sparsity != nil }
        #expect(sparse.map(\.shape) == [[16, 1, 1, 24], [12, 1, 1, 16], [7, 2, 2, 12]])
        for tensor in sparse {
            let values = try tensor.floats()
            let stored = try #require(tensor.data).count / (tensor.type == .float16 ? 2 : 4)
            #expect(values.count == tensor.count)
            #expect(values.count { $0 != 0 } == stored)
        }
    }

    @Test(
        "A file that is wrong in one way is refused, and the message says which way",
        arguments: [
            ("empty", "it is empty"), ("not_tflite", "not a TFL3 file"), ("truncated", "damaged"),
            ("root_beyond_file", "damaged"), ("version", "schema version 2"), ("short_weights", "needs 144"),
            ("missing_tensor", "tensor 77, which does not exist"), ("no_options", "lacks its options"),
            ("two_graphs", "2 graphs"),
        ])
    func broken(_ name: String, _ message: String) throws {
        let file = fixtures.appending(path: "broken/\(name).tflite")
        let error = #expect(throws: CheckpointError.self) { try TFLiteModel(contentsOf: file) }
        #expect(error?.description.contains(message) == true, "it says: \(error?.description ?? "nothing")")
        #expect(error?.file == file.path)
    }

    @Test(
        "Sparse constants that contradict themselves are refused when they are asked for",
        arguments: [("sparse_index", "index 200 is beyond"), ("sparse_segments", "segments do not fit")])
    func brokenSparsity(_ name: String, _ message: String) throws {
        let model = try TFLiteModel(contentsOf: fixtures.appending(path: "broken/\(name).tflite"))
        let tensor = try #require(model.tensors.first { $0.sparsity != nil })
        let error = #expect(throws: CheckpointError.self) { try tensor.floats() }
        #expect(error?.description.contains(message) == true, "it says: \(error?.description ?? "nothing")")
    }

    @Test("A file that is missing or a folder is said to be so")
    func unreadable() {
        let missing = #expect(throws: CheckpointError.self) {
            try TFLiteModel(contentsOf: fixtures.appending(path: "none.tflite"))
        }
        #expect(missing?.kind == .unreadable)
        #expect(missing?.message.contains("No such file") == true)
        let folder = #expect(throws: CheckpointError.self) { try TFLiteModel(contentsOf: fixtures) }
        #expect(folder?.kind == .unreadable)
    }
}
