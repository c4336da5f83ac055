public import Checkpoints
package import Plans

/// Runs a TFLite graph on the CPU.
///
/// Everything that can be done ahead is done when it is made: constants are unpacked (fp16, sparse), convolutions take
/// over the padding before them and the sum after them, their weights are laid out as the kernels want them, and what no
/// wanted output needs is left out. A run is then one call. Arithmetic is float32.
///
/// Several threads may run one executor at once.
public final class GraphExecutor: Sendable {
    /// The inputs' names, in the order that `run` takes them.
    public let inputNames: [String]
    /// The inputs' shapes for a batch of 1; the first dimension may be any when running.
    public let inputShapes: [[Int]]
    /// The outputs' names, in the order that `run` answers with them.
    public let outputNames: [String]
    /// The outputs' shapes for a batch of 1.
    public let outputShapes: [[Int]]
    /// The instruction set that the kernels in use were compiled for, such as `avx512`.
    package static var kernels: String { Plan.kernels }

    private let plan: Plan

    /// Prepares a model.
    ///
    /// - Parameters:
    ///   - model: A graph whose tensors all have a batch of 1 as their first dimension.
    ///   - outputs: Names of the tensors to compute; nil for all outputs of the graph in the graph's order. Leaving some
    ///     out saves the work that only they need.
    ///   - threads: How many threads one run may use.
    /// - Throws: `CheckpointError` for a graph with operators or options that are not supported, each of them named, or
    ///   that contradicts itself.
    public init(_ model: TFLiteModel, outputs: [String]? = nil, threads: Int = 1) throws {
        let wanted = try Self.wantedOutputs(of: model, named: outputs)
        inputNames = model.inputs.map { model.tensors[$0].name }
        inputShapes = model.inputs.map { model.tensors[$0].shape }
        outputNames = wanted.map { model.tensors[$0].name }
        outputShapes = wanted.map { model.tensors[$0].shape }
        let planner = try GraphPlanner(model, outputs: wanted)
        plan = try Plan.build(
            valueCount: model.tensors.count, inputs: model.inputs, outputs: wanted, threads: threads,
            steps: planner.emit)
    }

    /// Runs the graph on a batch.
    ///
    /// - Parameter inputs: Arrays shaped as `inputShapes`, with one common batch size of 1 or more.
    /// - Returns: The outputs, with that batch size.
    /// - Throws: `PlanError` for inputs of another shape.
    package func run(_ inputs: [FloatArray]) throws(PlanError) -> [FloatArray] {
        try requireShapes(of: inputs)
        return try plan.run(inputs)
    }

    private func requireShapes(of inputs: [FloatArray]) throws(PlanError) {
        let given = inputs.map(\.shape)
        let batch = given.first?.first ?? 0
        let expected = inputShapes.map { [batch] + $0.dropFirst() }
        guard batch > 0, given == expected else {
            throw PlanError(
                operation: "running a TFLite graph",
                message: "it takes inputs of shape \(inputShapes), with any batch size, and was given \(given)")
        }
    }

    private static func wantedOutputs(of model: TFLiteModel, named names: [String]?) throws(CheckpointError) -> [Int] {
        guard let names else { return model.outputs }
        var wanted: [Int] = []
        for name in names {
            guard let tensor = model.outputs.first(where: { model.tensors[$0].name == name }) else {
                let known = model.outputs.map { model.tensors[$0].name }
                throw CheckpointError(
                    file: model.name, .unsupported, "it has no output \"\(name)\"; its outputs are \(known)")
            }
            wanted.append(tensor)
        }
        return wanted
    }
}
