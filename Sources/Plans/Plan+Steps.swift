internal import CPlans

extension Plan {
    /// How a convolution moves over its image.
    package struct Convolution: Sendable {
        /// Pixels from one output to the next: vertically, horizontally.
        package var stride: (Int, Int)
        /// Pixels from one weight to the next: vertically, horizontally.
        package var dilation: (Int, Int)
        /// Into how many groups channels are split.
        package var groups: Int
        /// Zeros around the image.
        package var margins: Margins
        /// What follows.
        package var activation: Activation

        /// All of it, stated.
        package init(
            stride: (Int, Int), dilation: (Int, Int), groups: Int, margins: Margins, activation: Activation
        ) {
            self.stride = stride
            self.dilation = dilation
            self.groups = groups
            self.margins = margins
            self.activation = activation
        }
    }

    /// Makes a value constant.
    package func constant(_ value: Int, _ array: FloatArray) throws(PlanError) {
        try check(cplans_plan_constant(handle, Int32(value), array.handle), "adding a constant of \(array.shape)")
    }

    /// Convolution: weights (out channels, height, width, in channels / groups), bias (out channels). `addend`, of the
    /// result's shape, is added before the activation.
    package func convolution(
        _ input: Int, plus addend: Int? = nil, to output: Int, weight: FloatArray, bias: FloatArray?,
        _ options: Convolution
    ) throws(PlanError) {
        var code = cplans_conv2d(
            stride: (Int64(options.stride.0), Int64(options.stride.1)),
            dilation: (Int64(options.dilation.0), Int64(options.dilation.1)), groups: Int64(options.groups),
            margins: options.margins.code, activation: options.activation.code)
        let status = cplans_plan_conv2d(
            handle, Int32(input), addend.map(Int32.init) ?? -1, Int32(output), &code, weight.handle, bias?.handle)
        try check(status, "adding a convolution with weights \(weight.shape)")
    }

    /// Sum of two values, with broadcasting.
    package func sum(_ a: Int, _ b: Int, to output: Int, _ activation: Activation) throws(PlanError) {
        try check(cplans_plan_add(handle, Int32(a), Int32(b), Int32(output), activation.code), "adding a sum")
    }

    /// Zeros around an image, and before and after its channels.
    package func padding(_ input: Int, to output: Int, margins: Margins, channels: (Int, Int)) throws(PlanError) {
        let status = cplans_plan_pad(
            handle, Int32(input), Int32(output), margins.code, Int64(channels.0), Int64(channels.1))
        try check(status, "adding padding")
    }

    /// Maximum over windows of (height, width) pixels; what is beyond the image never wins.
    package func maximum(
        _ input: Int, to output: Int, window: (Int, Int), stride: (Int, Int), margins: Margins,
        _ activation: Activation
    ) throws(PlanError) {
        let window = [Int64(window.0), Int64(window.1)], stride = [Int64(stride.0), Int64(stride.1)]
        let status = cplans_plan_max_pool(
            handle, Int32(input), Int32(output), window, stride, margins.code, activation.code)
        try check(status, "adding a maximum")
    }

    /// Bilinear resize to (height, width): pixel centres at half-integers, or corners aligned. `addend`, of the result's
    /// shape, is added before the activation.
    package func resize(
        _ input: Int, plus addend: Int? = nil, to output: Int, size: (Int, Int), alignCorners: Bool,
        _ activation: Activation = .none
    ) throws(PlanError) {
        let size = [Int64(size.0), Int64(size.1)]
        let status = cplans_plan_resize_bilinear(
            handle, Int32(input), addend.map(Int32.init) ?? -1, Int32(output), size, alignCorners ? 1 : 0,
            activation.code)
        try check(status, "adding a resize")
    }

    /// (N, H, W, C) to (N, H b, W b, C / b²).
    package func depthToSpace(_ input: Int, to output: Int, block: Int) throws(PlanError) {
        try check(
            cplans_plan_depth_to_space(handle, Int32(input), Int32(output), Int64(block)), "adding depth to space")
    }

    /// Another shape for each entry of the batch; `shape` is without the batch.
    package func reshape(_ input: Int, to output: Int, shape: [Int]) throws(PlanError) {
        let sizes = shape.map(Int64.init)
        try check(
            cplans_plan_reshape(handle, Int32(input), Int32(output), sizes, Int32(sizes.count)), "adding a reshape")
    }

    /// Concatenation along one axis.
    package func concatenation(_ inputs: [Int], to output: Int, axis: Int) throws(PlanError) {
        let values = inputs.map(Int32.init)
        try check(
            cplans_plan_concatenate(handle, values, Int32(values.count), Int32(output), Int64(axis)),
            "adding a concatenation")
    }

    /// 1 / (1 + exp(-x))
    package func logistic(_ input: Int, to output: Int) throws(PlanError) {
        try check(cplans_plan_logistic(handle, Int32(input), Int32(output)), "adding a logistic function")
    }
}
