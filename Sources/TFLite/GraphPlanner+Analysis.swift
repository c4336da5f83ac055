internal import Checkpoints
internal import Plans

/// What is worked out about a graph before anything is built.
extension GraphPlanner {
    static let supported: Set<TFLiteOperator.Kind> = [
        .add, .concatenation, .conv2D, .depthwiseConv2D, .depthToSpace, .dequantize, .logistic, .maxPool2D, .reshape,
        .resizeBilinear, .pad, .densify,
    ]

    /// Names every operator that is not supported at once, so that a person need not find them one by one.
    static func requireSupport(_ model: TFLiteModel) throws(CheckpointError) {
        let unknown = Set(model.operators.map(\.kind)).subtracting(supported)
        guard unknown.isEmpty else {
            let names = unknown.map(\.description).sorted().joined(separator: ", ")
            throw CheckpointError(file: model.name, .unsupported, "it uses operators that are not supported: \(names)")
        }
        for step in model.operators where step.outputs.count != 1 {
            throw CheckpointError(
                file: model.name, .malformed,
                "operator \(step.index) (\(step.kind)) has \(step.outputs.count) outputs instead of 1")
        }
    }

    /// Which tensors are constants, followed through the operators that only unpack them.
    static func constants(of model: TFLiteModel) throws(CheckpointError) -> [Int?] {
        var sources: [Int?] = model.tensors.map { $0.data == nil ? nil : $0.index }
        for step in model.operators where step.kind == .dequantize || step.kind == .densify {
            guard let input = step.inputs.first ?? nil, let source = sources[input] else {
                throw CheckpointError(
                    file: model.name, .unsupported,
                    "operator \(step.index) (\(step.kind)): only constants can be unpacked, not computed tensors")
            }
            let type = model.tensors[source].type
            guard step.kind == .densify || type == .float16 || type == .float32 else {
                throw CheckpointError(
                    file: model.name, .unsupported,
                    "operator \(step.index) (\(step.kind)): quantised tensors (\(type)) are not supported, only FLOAT16"
                )
            }
            guard model.tensors[input].shape == model.tensors[step.outputs[0]].shape else {
                throw CheckpointError(
                    file: model.name, .malformed, "operator \(step.index) (\(step.kind)) changes the shape")
            }
            sources[step.outputs[0]] = source
        }
        return sources
    }

    /// The operators that the wanted outputs depend on.
    static func needed(_ model: TFLiteModel, outputs: [Int], constants: [Int?]) -> [TFLiteOperator] {
        var wanted = Set(outputs)
        var needed: [TFLiteOperator] = []
        for step in model.operators.reversed() where wanted.contains(step.outputs[0]) {
            guard constants[step.outputs[0]] == nil else { continue }
            needed.append(step)
            wanted.formUnion(step.inputs.compactMap { $0 })
        }
        return needed.reversed()
    }

    /// Every tensor has to be computed before it is read, and only once.
    static func requireOrder(_ model: TFLiteModel, _ steps: [TFLiteOperator], constants: [Int?]) throws(CheckpointError)
    {
        var known = Set(model.inputs)
        for step in steps {
            for case let input? in step.inputs where constants[input] == nil && !known.contains(input) {
                throw CheckpointError(
                    file: model.name, .malformed,
                    "operator \(step.index) (\(step.kind)) reads tensor \(input) before it is computed")
            }
            guard known.insert(step.outputs[0]).inserted else {
                throw CheckpointError(
                    file: model.name, .malformed,
                    "operator \(step.index) (\(step.kind)) computes tensor \(step.outputs[0]) a second time")
            }
        }
    }

    /// Any batch size can run only where the file's own is 1 throughout, and everything computed is float32.
    static func requireBatches(_ model: TFLiteModel, _ steps: [TFLiteOperator]) throws(CheckpointError) {
        for index in model.inputs + steps.map({ $0.outputs[0] }) {
            let tensor = model.tensors[index]
            guard tensor.type == .float32 else {
                throw CheckpointError(
                    file: model.name, .unsupported,
                    "tensor \(index) \"\(tensor.name)\" is \(tensor.type), and only FLOAT32 can be computed with")
            }
            guard tensor.shape.first == 1 else {
                throw CheckpointError(
                    file: model.name, .unsupported,
                    "tensor \(index) \"\(tensor.name)\" has the shape \(tensor.shape), and only a batch of 1 can be generalised"
                )
            }
        }
    }

    /// Whether an operator can take its image without the zeros around it and add them itself.
    static func takesMargins(_ step: TFLiteOperator) -> Bool {
        switch step.options {
        case .convolution(let window), .depthwiseConvolution(let window, _): window.padding == .valid
        default: false
        }
    }

    /// Tensors that are an image with zeros around it, and nothing more.
    static func foldablePadding(_ model: TFLiteModel, _ steps: [TFLiteOperator], constants: [Int?])
        throws(CheckpointError) -> [Int: (source: Int, margins: Plan.Margins)]
    {
        var padded: [Int: (source: Int, margins: Plan.Margins)] = [:]
        for step in steps where step.kind == .pad {
            let amounts = try paddingAmounts(model, step, constants: constants)
            guard amounts.count == 4, amounts[3] == (0, 0), let source = step.inputs[0] else { continue }
            padded[step.outputs[0]] = (
                source,
                Plan.Margins(top: amounts[1].0, bottom: amounts[1].1, left: amounts[2].0, right: amounts[2].1)
            )
        }
        return padded
    }

    /// How much PAD adds before and after each dimension.
    static func paddingAmounts(_ model: TFLiteModel, _ step: TFLiteOperator, constants: [Int?])
        throws(CheckpointError) -> [(Int, Int)]
    {
        func refuse(_ kind: CheckpointError.Kind, _ message: String) -> CheckpointError {
            CheckpointError(file: model.name, kind, "operator \(step.index) (\(step.kind)): \(message)")
        }
        guard step.inputs.count == 2, let image = step.inputs[0], let table = step.inputs[1] else {
            throw refuse(.malformed, "it has \(step.inputs.count) inputs instead of 2")
        }
        guard let source = constants[table] else { throw refuse(.unsupported, "its amounts must be constant") }
        let values = try model.tensors[source].integers()
        let shape = model.tensors[image].shape
        guard values.count == 2 * shape.count, values.allSatisfy({ (0...65_536).contains($0) }) else {
            throw refuse(.malformed, "its amounts \(values) do not fit the shape \(shape)")
        }
        let amounts = shape.indices.map { (values[2 * $0], values[2 * $0 + 1]) }
        guard shape.count == 4, amounts[0] == (0, 0) else {
            throw refuse(.unsupported, "only the sides and channels of images can be padded, not \(values)")
        }
        let expected = zip(shape, amounts).map { $0 + $1.0 + $1.1 }
        guard model.tensors[step.outputs[0]].shape == expected else {
            throw refuse(.malformed, "it computes the shape \(expected), and the file says otherwise")
        }
        return amounts
    }
}
