internal import CTorch

extension Tensor {
    /// Convolution and then max(0, x): self (B, channels, height, width), weight (out channels, channels, height, width),
    /// bias (out channels), with `padding` zeros at each edge; 32-bit.
    ///
    /// - Returns: (B, out channels, height, width).
    /// - Throws: `TorchError` where the shapes do not fit each other.
    public func convolvedAndRectified(weight: Tensor, bias: Tensor, padding: Int) throws(TorchError) -> Tensor {
        try makeTensor("convolving pictures of shape \(shape) with weights \(weight.shape)") {
            ctorch_conv2d_relu(handle, weight.handle, bias.handle, Int64(padding), $0)
        }
    }

    /// The largest of each square of pixels: (B, channels, height, width) to (B, channels, height / window, width /
    /// window).
    ///
    /// - Throws: `TorchError` where the shape does not fit.
    public func maxPooled(window: Int) throws(TorchError) -> Tensor {
        try makeTensor("shrinking pictures of shape \(shape)") { ctorch_max_pool2d(handle, Int64(window), $0) }
    }
}
