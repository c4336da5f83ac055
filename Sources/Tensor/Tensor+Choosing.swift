internal import CTorch

extension Tensor {
    /// The entries of a dimension that `indices` (int64, on the same device) names, in that order.
    ///
    /// - Throws: `TorchError` where one is out of range.
    public func taking(_ indices: Tensor, dimension: Int) throws(TorchError) -> Tensor {
        try makeTensor("taking entries of dimension \(dimension) of \(shape)") {
            ctorch_tensor_take(handle, Int64(dimension), indices.handle, $0)
        }
    }

    /// A copy in which the entries of a dimension that `indices` (int64, on the same device) names are those of
    /// `entries`, in that order.
    ///
    /// - Throws: `TorchError` where one is out of range or the shapes do not fit.
    public func putting(_ entries: Tensor, at indices: Tensor, dimension: Int) throws(TorchError) -> Tensor {
        try makeTensor("putting \(entries.shape) into dimension \(dimension) of \(shape)") {
            ctorch_tensor_put(handle, Int64(dimension), indices.handle, entries.handle, $0)
        }
    }

    /// Element by element `first` where this tensor is not 0, and `second` where it is; sizes of 1 are broadcast.
    ///
    /// - Throws: `TorchError` where the shapes, types or devices do not fit each other.
    public func choosing(_ first: Tensor, _ second: Tensor) throws(TorchError) -> Tensor {
        try makeTensor("choosing from \(first.shape) and \(second.shape) by \(shape)") {
            ctorch_tensor_where(handle, first.handle, second.handle, $0)
        }
    }

    /// Each element, or the end of the range that it is beyond.
    ///
    /// - Throws: `TorchError` for a type that has no order.
    public func clamped(to range: ClosedRange<Double>) throws(TorchError) -> Tensor {
        try makeTensor("clamping \(shape)") { ctorch_tensor_clamp(handle, range.lowerBound, range.upperBound, $0) }
    }

    /// Each element, or 0 where it is negative.
    ///
    /// - Throws: `TorchError` for a type that has no order.
    public func rectified() throws(TorchError) -> Tensor { try clamped(to: 0...Double.infinity) }

    /// The sums along a dimension, which is gone afterwards.
    ///
    /// - Throws: `TorchError` where there is no such dimension.
    public func sum(dimension: Int) throws(TorchError) -> Tensor {
        try makeTensor("summing dimension \(dimension) of \(shape)") {
            ctorch_tensor_sum(handle, Int64(dimension), $0)
        }
    }
}
