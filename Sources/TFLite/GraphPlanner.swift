internal import Checkpoints
internal import Plans

/// Turns a TFLite graph into a plan: checks it, leaves out what is not needed, and folds padding and sums into convolutions.
struct GraphPlanner {
    let model: TFLiteModel
    /// For each tensor, the tensor that holds its elements in the file, where it is a constant: itself, or what it is
    /// unpacked from.
    let constants: [Int?]
    /// The operators that run, in order.
    private let operators: [TFLiteOperator]
    /// For each tensor that is only an image with zeros around it: the image and the margins.
    private let padded: [Int: (source: Int, margins: Plan.Margins)]

    /// For each tensor that is only read by a sum which its own operator can compute as well: the sum and what is added.
    private let sums: [Int: (step: TFLiteOperator, addend: Int)]

    /// For each enlarged image that only a convolution reads which comes before the resize instead: the resize.
    let enlargements: [Int: TFLiteOperator]

    init(_ model: TFLiteModel, outputs: [Int]) throws(CheckpointError) {
        self.model = model
        try Self.requireSupport(model)
        constants = try Self.constants(of: model)
        let needed = Self.needed(model, outputs: outputs, constants: constants)
        try Self.requireOrder(model, needed, constants: constants)
        try Self.requireBatches(model, needed)
        let padded = try Self.foldablePadding(model, needed, constants: constants)
        self.padded = padded
        // Padding that every reader takes over itself is not computed.
        var read = Set(outputs)
        for step in needed {
            for case let input? in step.inputs where !(Self.takesMargins(step) && padded[input] != nil) {
                read.insert(input)
            }
        }
        let computed = needed.filter { step in
            step.kind != .pad || !padded.keys.contains(step.outputs[0]) || read.contains(step.outputs[0])
        }
        let sums = Self.foldableSums(model, computed, outputs: outputs)
        self.sums = sums
        enlargements = Self.enlargements(model, computed, outputs: outputs)
        let folded = Set(sums.values.map(\.step.index))
        operators = computed.filter { !folded.contains($0.index) }
    }

    /// Adds every step to a plan.
    func emit(_ plan: Plan) throws {
        try emitConstants(plan)
        for step in operators {
            switch (step.kind, step.options) {
            case (.conv2D, .convolution(let window)):
                try emitConvolution(plan, step, window, depthwise: false)
            case (.depthwiseConv2D, .depthwiseConvolution(let window, _)):
                try emitConvolution(plan, step, window, depthwise: true)
            case (.maxPool2D, .pool(let window, let height, let width)):
                try emitMaximum(plan, step, window, height: height, width: width)
            case (.add, .add(let activation)):
                try emitSum(plan, step, activation)
            case (.concatenation, .concatenation(let axis, let activation)):
                try emitConcatenation(plan, step, axis: axis, activation)
            case (.resizeBilinear, .resize):
                guard enlargements[step.outputs[0]] == nil else { continue }
                try emitResize(plan, step, of: try input(step, 0), to: try result(step, .none))
            case (.depthToSpace, .depthToSpace(let block)):
                try emitDepthToSpace(plan, step, block: block)
            case (.pad, _):
                try emitPadding(plan, step)
            case (.reshape, _):
                try emitReshape(plan, step)
            case (.logistic, _):
                try plan.logistic(try input(step, 0), to: step.outputs[0])
            default:
                throw unsupported(step, "it cannot run")
            }
        }
    }

    // MARK: - Looking things up

    /// An operator's input tensor.
    func input(_ step: TFLiteOperator, _ place: Int) throws(CheckpointError) -> Int {
        guard step.inputs.indices.contains(place), let tensor = step.inputs[place] else {
            throw malformed(step, "it lacks input \(place)")
        }
        return tensor
    }

    /// An operator's input that a convolution may take from before the padding.
    func image(_ step: TFLiteOperator) throws(CheckpointError) -> (tensor: Int, margins: Plan.Margins) {
        let tensor = try input(step, 0)
        if let (source, margins) = padded[tensor], Self.takesMargins(step) { return (source, margins) }
        return (tensor, Plan.Margins())
    }

    /// Where a step's result goes, and what happens to it on the way.
    typealias Result = (output: Int, addend: Int?, activation: Plan.Activation)

    /// What an operator's step computes: its own output, or that of the sum that is folded into it.
    func result(_ step: TFLiteOperator, _ own: TFLiteOperator.Activation) throws(CheckpointError) -> Result {
        guard let (sum, addend) = sums[step.outputs[0]], case .add(let last) = sum.options else {
            return (step.outputs[0], nil, try activation(step, own))
        }
        return (sum.outputs[0], addend, try activation(sum, last))
    }

    /// An operator's constant input: the tensor in the file.
    func constant(_ step: TFLiteOperator, _ place: Int, _ meaning: String) throws(CheckpointError) -> TFLiteTensor {
        guard let source = constants[try input(step, place)] else {
            throw unsupported(step, "its \(meaning) must be constant")
        }
        return model.tensors[source]
    }

    /// Tensors that steps compute with.
    var operands: [Int] {
        operators.flatMap { step in
            // Only the operands of sums may be constants; other constants are parameters.
            step.kind == .add ? step.inputs.compactMap { $0 } : []
        }
    }

    func isConstant(_ tensor: Int) -> Bool { constants[tensor] != nil }

    func shape(_ tensor: Int) -> [Int] { model.tensors[tensor].shape }

    /// The shape of a tensor that has to be an image.
    func imageShape(_ step: TFLiteOperator, _ tensor: Int) throws(CheckpointError) -> [Int] {
        guard shape(tensor).count == 4 else {
            throw unsupported(
                step, "its tensor \(tensor) has the shape \(shape(tensor)), and an image has 4 dimensions")
        }
        return shape(tensor)
    }

    /// Throws unless the file gives the operator's output the shape that it computes.
    func require(_ step: TFLiteOperator, output expected: [Int]) throws(CheckpointError) {
        let declared = shape(step.outputs[0])
        guard declared == expected else {
            throw malformed(step, "it computes the shape \(expected), and the file says \(declared)")
        }
    }

    func activation(_ step: TFLiteOperator, _ activation: TFLiteOperator.Activation) throws(CheckpointError)
        -> Plan.Activation
    {
        switch activation {
        case .none: return .none
        case .relu: return .relu
        case .relu6: return .relu6
        case .reluN1To1, .tanh, .signBit: throw unsupported(step, "its activation \(activation) is not supported")
        }
    }

    // MARK: - Errors

    func malformed(_ step: TFLiteOperator, _ message: String) -> CheckpointError {
        CheckpointError(file: model.name, .malformed, "operator \(step.index) (\(step.kind)): \(message)")
    }

    func unsupported(_ step: TFLiteOperator, _ message: String) -> CheckpointError {
        CheckpointError(file: model.name, .unsupported, "operator \(step.index) (\(step.kind)): \(message)")
    }
}
