internal import CTorch

extension Tensor {
    /// The sum, element by element; sizes of 1 are broadcast.
    ///
    /// - Throws: `TorchError` where the shapes, types or devices do not fit each other.
    public func plus(_ other: Tensor) throws(TorchError) -> Tensor { try arithmetic(CTORCH_ADD, other) }

    /// The difference, element by element; sizes of 1 are broadcast.
    ///
    /// - Throws: `TorchError` where the shapes, types or devices do not fit each other.
    public func minus(_ other: Tensor) throws(TorchError) -> Tensor { try arithmetic(CTORCH_SUBTRACT, other) }

    /// The product, element by element; sizes of 1 are broadcast.
    ///
    /// - Throws: `TorchError` where the shapes, types or devices do not fit each other.
    public func times(_ other: Tensor) throws(TorchError) -> Tensor { try arithmetic(CTORCH_MULTIPLY, other) }

    /// The quotient, element by element; sizes of 1 are broadcast.
    ///
    /// - Throws: `TorchError` where the shapes, types or devices do not fit each other.
    public func divided(by other: Tensor) throws(TorchError) -> Tensor { try arithmetic(CTORCH_DIVIDE, other) }

    /// 1 where the elements are equal and 0 elsewhere, in this tensor's type; sizes of 1 are broadcast.
    ///
    /// - Throws: `TorchError` where the shapes or devices do not fit each other.
    public func isEqual(to other: Tensor) throws(TorchError) -> Tensor { try arithmetic(CTORCH_EQUAL, other) }

    /// 1 where the elements are larger than the other's and 0 elsewhere, in this tensor's type; sizes of 1 are broadcast.
    ///
    /// - Throws: `TorchError` where the shapes or devices do not fit each other.
    public func isAbove(_ other: Tensor) throws(TorchError) -> Tensor { try arithmetic(CTORCH_ABOVE, other) }

    /// 1 where the elements are no larger than the other's and 0 elsewhere, in this tensor's type; sizes of 1 are
    /// broadcast.
    ///
    /// - Throws: `TorchError` where the shapes or devices do not fit each other.
    public func isAtMost(_ other: Tensor) throws(TorchError) -> Tensor { try arithmetic(CTORCH_AT_MOST, other) }

    private func arithmetic(_ operation: ctorch_arithmetic, _ other: Tensor) throws(TorchError) -> Tensor {
        try makeTensor("computing with tensors of shape \(shape) and \(other.shape)") {
            ctorch_tensor_arithmetic(operation, handle, other.handle, $0)
        }
    }

    /// The matrix product of the last two dimensions; those before them are batches and are broadcast.
    ///
    /// - Throws: `TorchError` where the shapes, types or devices do not fit each other.
    public func matmul(_ other: Tensor) throws(TorchError) -> Tensor {
        try makeTensor("multiplying matrices of shape \(shape) and \(other.shape)") {
            ctorch_tensor_matmul(handle, other.handle, $0)
        }
    }

    /// The tensors one after another along a dimension.
    ///
    /// - Throws: `TorchError` where the other dimensions differ.
    public static func concatenated(_ tensors: [Tensor], dimension: Int) throws(TorchError) -> Tensor {
        let handles: [ctorch_tensor?] = tensors.map(\.handle)
        return try withExtendedLifetime(tensors) { () throws(TorchError) in
            try makeTensor("joining \(tensors.count) tensors") {
                ctorch_tensor_concatenate(handles, Int32(handles.count), Int64(dimension), $0)
            }
        }
    }

    /// The entries of a dimension at `indices`, in that order.
    ///
    /// - Throws: `TorchError` where one is out of range.
    public func selecting(_ indices: [Int], dimension: Int) throws(TorchError) -> Tensor {
        let places = indices.map(Int64.init)
        return try makeTensor("taking \(indices.count) entries of dimension \(dimension) of \(shape)") {
            ctorch_tensor_select(handle, Int64(dimension), places, Int32(places.count), $0)
        }
    }

    /// Each element rounded to the nearest integer, halves to the even one.
    ///
    /// - Throws: `TorchError` for a type that cannot be rounded.
    public func rounded() throws(TorchError) -> Tensor {
        try makeTensor("rounding \(shape)") { ctorch_tensor_round(handle, $0) }
    }
}
