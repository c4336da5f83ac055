internal import Checkpoints
internal import Plans

/// Sums that the operator before them can compute on the way.
extension GraphPlanner {
    /// A sum is folded into the operator of one operand where nothing else reads that operand, nothing comes between,
    /// both have the result's shape, and the other operand exists by then.
    static func foldableSums(_ model: TFLiteModel, _ steps: [TFLiteOperator], outputs: [Int])
        -> [Int: (step: TFLiteOperator, addend: Int)]
    {
        var readers = [Int: Int]()
        for step in steps {
            for case let input? in step.inputs { readers[input, default: 0] += 1 }
        }
        for output in outputs { readers[output, default: 0] += 1 }

        // When each tensor exists. Inputs of the graph exist before the first step, constants are not folded.
        var times = Dictionary(model.inputs.map { ($0, -1) }, uniquingKeysWith: { first, _ in first })
        var hosts = [Int: TFLiteOperator]()
        var folded: [Int: (step: TFLiteOperator, addend: Int)] = [:]
        for (time, step) in steps.enumerated() {
            times[step.outputs[0]] = time
            if canAdd(step) { hosts[step.outputs[0]] = step }
            guard step.kind == .add, step.inputs.count == 2, let a = step.inputs[0], let b = step.inputs[1],
                let timeOfA = times[a], let timeOfB = times[b], timeOfA != timeOfB
            else { continue }
            let (operand, addend) = timeOfA > timeOfB ? (a, b) : (b, a)
            let shape = model.tensors[step.outputs[0]].shape
            guard hosts[operand] != nil, folded[operand] == nil, readers[operand] == 1, shape.count == 4,
                model.tensors[operand].shape == shape, model.tensors[addend].shape == shape
            else { continue }
            folded[operand] = (step, addend)
            times[step.outputs[0]] = times[operand]
        }
        return folded
    }

    /// Whether an operator's step can add something to its result: where no activation comes first.
    private static func canAdd(_ step: TFLiteOperator) -> Bool {
        switch step.options {
        case .convolution(let window), .depthwiseConvolution(let window, _): window.activation == .none
        case .resize: true
        default: false
        }
    }
}
