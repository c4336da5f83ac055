internal import CTorch

extension Tensor {
    /// A tensor of zeros.
    ///
    /// - Throws: `TorchError` for a shape that cannot be, or where memory is short.
    public convenience init(zeros shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws(TorchError) {
        let sizes = shape.map(Int64.init)
        var handle: ctorch_tensor?
        try check(
            ctorch_tensor_zeros(sizes, Int32(sizes.count), dtype.code, device.code, &handle),
            "creating a tensor of shape \(shape)")
        self.init(owning: try required(handle))
    }

    /// A tensor in main memory whose elements hold anything, to be written before they are read.
    ///
    /// - Throws: `TorchError` for a shape that cannot be, or where memory is short.
    public convenience init(unwritten shape: [Int], dtype: DType = .float32) throws(TorchError) {
        let sizes = shape.map(Int64.init)
        var handle: ctorch_tensor?
        try check(
            ctorch_tensor_empty(sizes, Int32(sizes.count), dtype.code, &handle), "creating a tensor of shape \(shape)")
        self.init(owning: try required(handle))
    }

    /// A copy of row-major elements; `bytes` must be exactly as long as the shape needs. None of these waits for a GPU,
    /// unlike `to(_:)`.
    ///
    /// - Throws: `TorchError` where shape and length do not fit each other.
    public convenience init(
        copying bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType, device: Device = .cpu
    ) throws(TorchError) {
        let sizes = shape.map(Int64.init)
        var handle: ctorch_tensor?
        try check(
            ctorch_tensor_copy_in(
                bytes.baseAddress, bytes.count, sizes, Int32(sizes.count), dtype.code, device.code, &handle),
            "creating a tensor of shape \(shape)")
        self.init(owning: try required(handle))
    }

    /// A float32 tensor of row-major values.
    ///
    /// - Throws: `TorchError` where shape and count do not fit each other.
    public convenience init(floats: [Float], shape: [Int], device: Device = .cpu) throws(TorchError) {
        let sizes = shape.map(Int64.init)
        var handle: ctorch_tensor?
        let status = floats.withUnsafeBytes {
            ctorch_tensor_copy_in(
                $0.baseAddress, $0.count, sizes, Int32(sizes.count), CTORCH_FLOAT32, device.code, &handle)
        }
        try check(status, "creating a tensor of shape \(shape) from \(floats.count) values")
        self.init(owning: try required(handle))
    }

    /// An int64 tensor of row-major values.
    ///
    /// - Throws: `TorchError` where shape and count do not fit each other.
    public convenience init(integers: [Int], shape: [Int], device: Device = .cpu) throws(TorchError) {
        let sizes = shape.map(Int64.init)
        var handle: ctorch_tensor?
        let status = integers.map(Int64.init).withUnsafeBytes {
            ctorch_tensor_copy_in(
                $0.baseAddress, $0.count, sizes, Int32(sizes.count), CTORCH_INT64, device.code, &handle)
        }
        try check(status, "creating a tensor of shape \(shape) from \(integers.count) integers")
        self.init(owning: try required(handle))
    }
}

private func required(_ handle: ctorch_tensor?) throws(TorchError) -> ctorch_tensor {
    guard let handle else {
        throw TorchError(operation: "creating a tensor", message: "libtorch answered with no tensor")
    }
    return handle
}
