import Checkpoints
import Foundation
import Plans
import TFLite
import Testing

@Suite("TFLite graphs")
struct GraphExecutorTests {
    static let names = [
        "convolutions", "depthwise", "enlarging", "grouped", "padding", "resizing", "shapes", "sparse", "sums", "wide",
    ]

    private func model(_ name: String) throws -> TFLiteModel {
        try TFLiteModel(contentsOf: fixtures.appending(path: "\(name).tflite"))
    }

    private func samples(_ name: String, of executor: GraphExecutor) throws -> [Sample] {
        var values = try floats(fixtures.appending(path: "\(name).golden"))[...]
        var samples: [Sample] = []
        while !values.isEmpty { samples.append(Sample(&values, of: executor)) }
        return samples
    }

    @Test("Answers are those of Google's interpreter", arguments: names, [1, 2])
    func parity(_ name: String, _ threads: Int) throws {
        let executor = try GraphExecutor(try model(name), threads: threads)
        for sample in try samples(name, of: executor) {
            let inputs = try zip(sample.inputs, executor.inputShapes).map { try FloatArray($0, shape: $1) }
            let outputs = try executor.run(inputs)
            #expect(outputs.map(\.shape) == executor.outputShapes)
            for (index, (found, expected)) in zip(outputs, sample.outputs).enumerated() {
                let difference = difference(found.floats(), expected)
                #expect(difference < 1e-5, "output \(index) differs by \(difference) of its range")
            }
        }
    }

    @Test("A batch gives what its members give one by one, and batch sizes may change", arguments: names)
    func batches(_ name: String) throws {
        let executor = try GraphExecutor(try model(name))
        let samples = try samples(name, of: executor)
        for count in [3, 1, 2] {
            let batch = (0..<count).map { samples[$0 % samples.count] }
            let inputs = try executor.inputShapes.indices.map { index in
                try FloatArray(
                    batch.flatMap { $0.inputs[index] }, shape: batched(executor.inputShapes[index], count))
            }
            for (index, output) in try executor.run(inputs).enumerated() {
                #expect(output.shape == batched(executor.outputShapes[index], count))
                let difference = difference(output.floats(), batch.flatMap { $0.outputs[index] })
                #expect(
                    difference < 1e-5, "output \(index) differs by \(difference) of its range in a batch of \(count)")
            }
        }
    }

    @Test("One output alone is the same as among all, in the order asked for")
    func chosenOutputs() throws {
        let model = try model("depthwise")
        let all = try GraphExecutor(model)
        let sample = try samples("depthwise", of: all)[0]
        let input = try FloatArray(sample.inputs[0], shape: all.inputShapes[0])
        let chosen = try GraphExecutor(model, outputs: [all.outputNames[3], all.outputNames[0]])
        let outputs = try chosen.run([input])
        #expect(chosen.outputShapes == [all.outputShapes[3], all.outputShapes[0]])
        #expect(difference(outputs[0].floats(), sample.outputs[3]) < 1e-5)
        #expect(difference(outputs[1].floats(), sample.outputs[0]) < 1e-5)
        #expect(throws: CheckpointError.self) { try GraphExecutor(model, outputs: ["none"]) }
    }

    @Test("Inputs of another shape or number are refused, and the executor still works")
    func wrongInputs() throws {
        let executor = try GraphExecutor(try model("wide"))
        let error = #expect(throws: PlanError.self) { try executor.run([try FloatArray(zeros: [1, 3, 4, 96])]) }
        #expect(error?.description.contains("[[1, 3, 4, 96]]") == true)
        #expect(throws: PlanError.self) { try executor.run([]) }
        #expect(throws: PlanError.self) { try executor.run([try FloatArray(zeros: [0, 3, 3, 96])]) }
        #expect(throws: PlanError.self) { try executor.run([try FloatArray(zeros: [3, 3, 96])]) }
        #expect(try executor.run([try FloatArray(zeros: [1, 3, 3, 96])]).count == 1)
    }

    @Test(
        "What cannot run is refused when the executor is made, by name",
        arguments: [
            ("unknown_operator", "operators that are not supported: operator 9"),
            ("custom_operator", "custom operator \"Landmarks\""), ("activation", "activation tanh"),
            ("batch", "only a batch of 1"), ("quantised", "INT8"), ("unordered", "before it is computed"),
            ("wrong_shape", "the file says [1, 4, 5, 2]"), ("sparse_index", "index 200"),
        ])
    func refusals(_ name: String, _ message: String) throws {
        let file = fixtures.appending(path: "broken/\(name).tflite")
        let model = try TFLiteModel(contentsOf: file)
        let error = #expect(throws: CheckpointError.self) { try GraphExecutor(model) }
        #expect(error?.description.contains(message) == true, "it says: \(error?.description ?? "nothing")")
        #expect(error?.file == file.path)
    }
}

/// A shape with another batch size.
private func batched(_ shape: [Int], _ count: Int) -> [Int] { [count] + shape.dropFirst() }
