internal import Checkpoints
internal import Plans

/// Operators that move a window over an image.
extension GraphPlanner {
    /// Weights are (out, height, width, in) in the file, or (1, height, width, out) where each channel stands by itself.
    func emitConvolution(_ plan: Plan, _ step: TFLiteOperator, _ window: TFLiteOperator.Window, depthwise: Bool) throws
    {
        var (image, margins) = try image(step)
        let input = try imageShape(step, image)
        let weight = try constant(step, 1, "weights")
        let bias = step.inputs.count > 2 && step.inputs[2] != nil ? try constant(step, 2, "bias") : nil
        guard weight.shape.count == 4, !depthwise || weight.shape[0] == 1 else {
            throw malformed(step, "its weights have the shape \(weight.shape)")
        }
        let channels = depthwise ? weight.shape[3] : weight.shape[0]
        let groups = depthwise ? input[3] : input[3] / weight.shape[3]
        guard groups > 0, channels % groups == 0, depthwise || input[3] == groups * weight.shape[3],
            bias.map({ $0.shape == [channels] }) ?? true
        else { throw malformed(step, "weights \(weight.shape) do not fit an image of \(input)") }
        if case .depthwiseConvolution(_, let multiplier) = step.options, multiplier * input[3] != channels {
            throw malformed(step, "its multiplier \(multiplier) does not fit weights \(weight.shape)")
        }
        let vertical = Extent(
            size: input[1] + margins.top + margins.bottom, window: weight.shape[1], stride: window.strideHeight,
            dilation: window.dilationHeight, window.padding)
        let horizontal = Extent(
            size: input[2] + margins.left + margins.right, window: weight.shape[2], stride: window.strideWidth,
            dilation: window.dilationWidth, window.padding)
        try require(step, output: [1, vertical.count, horizontal.count, channels])
        margins = margins + Self.margins(vertical, horizontal)
        var values = try weight.floats()
        if depthwise {
            // (window, channel) to (channel, window): what the plan calls an output channel comes first.
            let taps = values.count / channels
            let asInFile = values
            for index in asInFile.indices {
                values[index % channels * taps + index / channels] = asInFile[index]
            }
        }
        let packed = try FloatArray(
            values, shape: depthwise ? [channels, weight.shape[1], weight.shape[2], 1] : weight.shape)
        let result = try result(step, window.activation)
        let resize = enlargements[image]
        // What comes before the resize has its number: nobody else knows it.
        let own = resize == nil ? result : (output: image, addend: nil, activation: .none)
        try plan.convolution(
            try resize.map { try self.input($0, 0) } ?? image, plus: own.addend, to: own.output, weight: packed,
            bias: try bias.map { try FloatArray(try $0.floats(), shape: $0.shape) },
            Plan.Convolution(
                stride: (window.strideHeight, window.strideWidth),
                dilation: (window.dilationHeight, window.dilationWidth), groups: groups, margins: margins,
                activation: own.activation))
        if let resize { try emitResize(plan, resize, of: image, to: result) }
    }

    func emitMaximum(_ plan: Plan, _ step: TFLiteOperator, _ window: TFLiteOperator.Window, height: Int, width: Int)
        throws
    {
        let image = try input(step, 0)
        let shape = try imageShape(step, image)
        let vertical = Extent(
            size: shape[1], window: height, stride: window.strideHeight, dilation: 1, window.padding)
        let horizontal = Extent(
            size: shape[2], window: width, stride: window.strideWidth, dilation: 1, window.padding)
        try require(step, output: [1, vertical.count, horizontal.count, shape[3]])
        try plan.maximum(
            image, to: step.outputs[0], window: (height, width), stride: (window.strideHeight, window.strideWidth),
            margins: Self.margins(vertical, horizontal), try activation(step, window.activation))
    }

    private static func margins(_ vertical: Extent, _ horizontal: Extent) -> Plan.Margins {
        Plan.Margins(top: vertical.before, bottom: vertical.after, left: horizontal.before, right: horizontal.after)
    }
}

/// One direction of a window's way over an image.
struct Extent {
    /// How many windows there are.
    let count: Int
    /// Zeros before the first pixel.
    let before: Int
    /// Zeros after the last pixel.
    let after: Int

    /// SAME padding makes the count the size divided by the stride, rounded up, whatever the window; where the zeros
    /// that takes are an odd number, the extra one comes last.
    init(size: Int, window: Int, stride: Int, dilation: Int, _ padding: TFLiteOperator.Padding) {
        let reach = (window - 1) * dilation + 1
        switch padding {
        case .valid:
            count = size < reach ? 0 : (size - reach) / stride + 1
            (before, after) = (0, 0)
        case .same:
            count = (size + stride - 1) / stride
            let zeros = max(0, (count - 1) * stride + reach - size)
            before = zeros / 2
            after = zeros - before
        }
    }
}
