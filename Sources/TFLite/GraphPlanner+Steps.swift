internal import Checkpoints
internal import Plans

/// The operators without a window.
extension GraphPlanner {
    /// Constants that are operands like computed tensors; weights and sizes are taken up by their operators.
    func emitConstants(_ plan: Plan) throws {
        for tensor in Set(operands.filter(isConstant)).sorted() {
            let source = model.tensors[constants[tensor] ?? tensor]
            try plan.constant(tensor, try FloatArray(try source.floats(), shape: source.shape))
        }
    }

    func emitSum(_ plan: Plan, _ step: TFLiteOperator, _ activation: TFLiteOperator.Activation) throws {
        let a = try input(step, 0), b = try input(step, 1)
        // Operands of different ranks would have to be aligned at their last dimensions first.
        guard shape(a).count == shape(b).count, shape(a).count == shape(step.outputs[0]).count else {
            throw unsupported(step, "operands of different ranks, \(shape(a)) and \(shape(b)), are not supported")
        }
        var sum: [Int] = []
        for (left, right) in zip(shape(a), shape(b)) {
            guard left == right || left == 1 || right == 1 else {
                throw malformed(step, "shapes \(shape(a)) and \(shape(b)) cannot be added")
            }
            sum.append(max(left, right))
        }
        try require(step, output: sum)
        try plan.sum(a, b, to: step.outputs[0], try self.activation(step, activation))
    }

    func emitConcatenation(
        _ plan: Plan, _ step: TFLiteOperator, axis: Int, _ activation: TFLiteOperator.Activation
    ) throws {
        let inputs = try step.inputs.indices.map { try input(step, $0) }
        guard activation == .none else { throw unsupported(step, "an activation after it is not supported") }
        guard let first = inputs.first else { throw malformed(step, "it has no inputs") }
        let rank = shape(first).count
        let axis = axis < 0 ? axis + rank : axis
        guard (0..<rank).contains(axis) else { throw malformed(step, "axis \(axis) is not one of \(shape(first))") }
        guard axis != 0 else { throw unsupported(step, "the batch cannot be concatenated") }
        guard inputs.allSatisfy({ !isConstant($0) }) else {
            throw unsupported(step, "constant inputs are not supported")
        }
        var result = shape(first)
        result[axis] = 0
        for input in inputs {
            var others = shape(input)
            guard others.count == rank else { throw malformed(step, "its inputs differ in rank") }
            result[axis] += others[axis]
            others[axis] = result[axis]
            guard others == result else { throw malformed(step, "its inputs differ in more than axis \(axis)") }
        }
        try require(step, output: result)
        try plan.concatenation(inputs, to: step.outputs[0], axis: axis)
    }

    /// `value` is what is resized: the operator's input, or what a convolution made of it.
    ///
    /// There are the two modern conventions; the oldest, corners at corners but sizes not reduced by one, there is not.
    func emitResize(_ plan: Plan, _ step: TFLiteOperator, of value: Int, to result: Result) throws {
        guard case .resize(let alignCorners, let halfPixelCenters) = step.options, alignCorners != halfPixelCenters
        else {
            throw unsupported(
                step, "only half-pixel centres or aligned corners are supported, not both and not neither")
        }
        let source = try imageShape(step, try input(step, 0))
        let size = try constant(step, 1, "size").integers()
        guard size.count == 2, size.allSatisfy({ (1...65_536).contains($0) }) else {
            throw malformed(step, "it has the impossible size \(size)")
        }
        try require(step, output: [1, size[0], size[1], source[3]])
        try plan.resize(
            value, plus: result.addend, to: result.output, size: (size[0], size[1]), alignCorners: alignCorners,
            result.activation)
    }

    func emitDepthToSpace(_ plan: Plan, _ step: TFLiteOperator, block: Int) throws {
        let image = try input(step, 0)
        let source = try imageShape(step, image)
        guard block > 0, block <= 256, source[3] % (block * block) == 0 else {
            throw malformed(step, "blocks of \(block) do not divide \(source[3]) channels")
        }
        try require(step, output: [1, source[1] * block, source[2] * block, source[3] / (block * block)])
        try plan.depthToSpace(image, to: step.outputs[0], block: block)
    }

    func emitPadding(_ plan: Plan, _ step: TFLiteOperator) throws {
        let amounts = try Self.paddingAmounts(model, step, constants: constants)
        try plan.padding(
            try input(step, 0), to: step.outputs[0],
            margins: Plan.Margins(top: amounts[1].0, bottom: amounts[1].1, left: amounts[2].0, right: amounts[2].1),
            channels: amounts[3])
    }

    /// The shape comes from the output's own, which must keep the batch and the number of elements.
    func emitReshape(_ plan: Plan, _ step: TFLiteOperator) throws {
        let source = try input(step, 0)
        let target = model.tensors[step.outputs[0]]
        guard model.tensors[source].count == target.count else {
            throw malformed(step, "the shape \(shape(source)) cannot become \(target.shape)")
        }
        try plan.reshape(source, to: step.outputs[0], shape: Array(target.shape.dropFirst()))
    }
}
