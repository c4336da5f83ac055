internal import CTorch

/// The number format that a network's layers compute in. Sums are kept in 32 bits in all of them.
public enum Precision: String, Sendable, CaseIterable {
    /// 32-bit floats.
    case fp32
    /// bfloat16: a float's range with 8 bits of mantissa.
    case bf16
    /// IEEE half precision; GPUs only.
    case fp16

    /// The type of the layers' inputs.
    public var dtype: DType {
        switch self {
        case .fp32: .float32
        case .bf16: .bfloat16
        case .fp16: .float16
        }
    }

    /// What is fastest on a device at no visible loss: bfloat16 on GPUs and on CPUs with AVX512-BF16, else 32 bits.
    public static func automatic(on device: Device) -> Precision {
        switch device {
        case .cpu: ctorch_bfloat16_kernels() != 0 ? .bf16 : .fp32
        case .cuda: .bf16
        }
    }
}

/// A fully connected layer: x (…, inputs) × weightᵀ + bias, with weights kept as its device and precision want them.
public final class LinearLayer {
    private let handle: ctorch_linear
    /// Numbers in a row of its result.
    public let outputs: Int
    /// Numbers in a row of what it is given.
    public let inputs: Int
    /// Bytes of its weights.
    public let byteCount: Int

    /// Prepares a layer; the numbers are copied.
    ///
    /// - Parameters:
    ///   - weight: (outputs, inputs), row-major.
    ///   - bias: (outputs), or nil.
    /// - Throws: `TorchError` where memory is short, or the device does not compute in the precision.
    /// - Precondition: the buffers hold as many numbers as the sizes say.
    public init(
        weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, outputs: Int, inputs: Int,
        precision: Precision, device: Device
    ) throws(TorchError) {
        precondition(weight.count == outputs * inputs && bias.map { $0.count == outputs } ?? true)
        var handle: ctorch_linear?
        try check(
            ctorch_linear_create(
                weight.baseAddress, bias?.baseAddress, Int64(outputs), Int64(inputs), precision.dtype.code, device.code,
                &handle),
            "preparing a layer of \(outputs) × \(inputs) weights in \(precision.rawValue) on \(device)")
        guard let handle else {
            throw TorchError(operation: "preparing a layer", message: "libtorch answered with no layer")
        }
        self.handle = handle
        self.outputs = outputs
        self.inputs = inputs
        byteCount = outputs * inputs * precision.dtype.byteCount
    }

    deinit {
        ctorch_linear_free(handle)
    }

    /// Applies the layer.
    ///
    /// - Parameters:
    ///   - input: (…, inputs).
    ///   - gelu: applies GELU (with the error function) to the result.
    ///   - residual: added last, (…, outputs); nil for none.
    ///   - dtype: of the result.
    /// - Throws: `TorchError` where the shapes do not fit.
    public func callAsFunction(
        _ input: Tensor, gelu: Bool = false, plus residual: Tensor? = nil, as dtype: DType = .float32
    ) throws(TorchError) -> Tensor {
        try makeTensor("applying a layer to \(input.shape)") {
            ctorch_linear_run(handle, input.handle, gelu ? 1 : 0, residual?.handle, dtype.code, $0)
        }
    }
}

/// Layer normalisation (Ba et al. 2016) over the last dimension.
public final class LayerNormalization {
    private let weight: Tensor
    private let bias: Tensor
    private let epsilon: Double

    /// Normalises rows as long as `weight`; both are 32-bit, on the device of what will be normalised.
    public init(weight: Tensor, bias: Tensor, epsilon: Double) {
        self.weight = weight
        self.bias = bias
        self.epsilon = epsilon
    }

    /// The rows with mean 0 and variance 1, scaled and shifted.
    ///
    /// - Throws: `TorchError` where the shapes do not fit.
    public func callAsFunction(_ x: Tensor, as dtype: DType) throws(TorchError) -> Tensor {
        try makeTensor("normalising \(x.shape)") {
            ctorch_layer_norm(x.handle, weight.handle, bias.handle, epsilon, dtype.code, $0)
        }
    }
}

extension Tensor {
    /// softmax(q kᵀ / √size) v for each of `heads` heads.
    ///
    /// - Parameters:
    ///   - q: (B, queries, heads · size).
    ///   - k: (B, keys, heads · size).
    ///   - v: (B, keys, heads · size).
    /// - Returns: (B, queries, heads · size) in q's type.
    /// - Throws: `TorchError` where the shapes do not fit each other.
    public static func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int) throws(TorchError) -> Tensor {
        try makeTensor("attention of \(q.shape) to \(k.shape)") {
            ctorch_attention(q.handle, k.handle, v.handle, Int64(heads), $0)
        }
    }
}
