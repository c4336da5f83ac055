internal import CTorch

/// A convolution along a sequence, 32-bit, or the transposed one.
public final class SequenceConvolution {
    /// Which of the two.
    public enum Direction: Sendable {
        /// As many entries fewer as the stride says.
        case shortening
        /// The transposed convolution: as many more.
        case lengthening
    }

    private let direction: Direction
    private let weight: Tensor
    private let bias: Tensor
    private let stride: Int
    private let padding: Int

    /// Prepares a layer.
    ///
    /// - Parameters:
    ///   - weight: (channels of the result, of the input, window); lengthening: (of the input, of the result, window).
    ///   - bias: as many as the result has channels.
    ///   - padding: zeros at both ends; lengthening: entries of the result that are cut off at both ends.
    public init(_ direction: Direction, weight: Tensor, bias: Tensor, stride: Int, padding: Int) {
        (self.direction, self.weight, self.bias) = (direction, weight, bias)
        (self.stride, self.padding) = (stride, padding)
    }

    /// Applies the layer to (B, channels, length).
    ///
    /// - Throws: `TorchError` where the shapes do not fit.
    public func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        try makeTensor("convolving sequences of shape \(x.shape)") {
            let apply = direction == .shortening ? ctorch_conv1d : ctorch_conv1d_transposed
            return apply(x.handle, weight.handle, bias.handle, Int64(stride), Int64(padding), $0)
        }
    }
}

extension Tensor {
    /// softmax(s) v for each of `heads` heads, where s is q kᵀ / √size, and `score` for keys that are hidden; 32-bit.
    ///
    /// - Parameters:
    ///   - q: (B, queries, heads · size).
    ///   - k: (B, keys, heads · size).
    ///   - v: (B, keys, heads · size).
    ///   - hidden: (B, keys), not 0 for keys that are hidden.
    /// - Returns: (B, queries, heads · size).
    /// - Throws: `TorchError` where the shapes do not fit each other.
    public static func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, hidden: Tensor, score: Double
    ) throws(TorchError) -> Tensor {
        try makeTensor("attention of \(q.shape) to \(k.shape)") {
            ctorch_attention_hiding(q.handle, k.handle, v.handle, Int64(heads), hidden.handle, score, $0)
        }
    }
}
