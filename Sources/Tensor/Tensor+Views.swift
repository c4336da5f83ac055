internal import CTorch

extension Tensor {
    /// The same elements in another shape: a view where strides allow, or else a copy. One size may be -1.
    ///
    /// - Throws: `TorchError` where the counts differ.
    public func reshaped(_ shape: [Int]) throws(TorchError) -> Tensor {
        let sizes = shape.map(Int64.init)
        return try makeTensor("reshaping \(self.shape) to \(shape)") {
            ctorch_tensor_reshape(handle, sizes, Int32(sizes.count), $0)
        }
    }

    /// A view whose dimension `i` is this tensor's dimension `order[i]`.
    ///
    /// - Throws: `TorchError` where `order` is not a permutation.
    public func permuted(_ order: [Int]) throws(TorchError) -> Tensor {
        let sizes = order.map(Int64.init)
        return try makeTensor("permuting \(shape) by \(order)") {
            ctorch_tensor_permute(handle, sizes, Int32(sizes.count), $0)
        }
    }

    /// A view of `count` entries of one dimension, from `start`.
    ///
    /// - Throws: `TorchError` where they are out of range.
    public func narrowed(dimension: Int, start: Int, count: Int) throws(TorchError) -> Tensor {
        try makeTensor("taking \(count) from \(start) of dimension \(dimension) of \(shape)") {
            ctorch_tensor_narrow(handle, Int64(dimension), Int64(start), Int64(count), $0)
        }
    }

    /// The tensor with its elements in row-major order: a view of itself where they are already, or else a copy.
    ///
    /// - Throws: `TorchError` where memory is short.
    public func contiguous() throws(TorchError) -> Tensor {
        try makeTensor("making \(shape) contiguous") { ctorch_tensor_contiguous(handle, $0) }
    }

    /// The tensor with elements of another type; shares them where nothing changes.
    ///
    /// - Throws: `TorchError` where libtorch cannot convert.
    public func to(_ dtype: DType) throws(TorchError) -> Tensor {
        try makeTensor("converting \(shape) to \(dtype)") {
            ctorch_tensor_to(handle, dtype.code, device.code, $0)
        }
    }

    /// The tensor on another device; shares its elements where it is there already.
    ///
    /// - Throws: `TorchError` where the device does not exist or its memory is short.
    public func to(_ device: Device) throws(TorchError) -> Tensor {
        let code = try dtype.code
        return try makeTensor("moving \(shape) to \(device)") { ctorch_tensor_to(handle, code, device.code, $0) }
    }
}
