internal import CTorch

extension Tensor {
    /// A copy of the elements in row-major order, converted to float32 and brought to main memory.
    ///
    /// - Throws: `TorchError` where libtorch cannot copy them.
    public func floats() throws(TorchError) -> [Float] {
        let total = count
        var status: ctorch_status = 0
        let values = [Float](unsafeUninitializedCapacity: total) { buffer, written in
            status = ctorch_tensor_copy_out(
                handle, CTORCH_FLOAT32, buffer.baseAddress, total * MemoryLayout<Float>.stride)
            written = status == 0 ? total : 0
        }
        try check(status, "copying out a tensor of shape \(shape)")
        return values
    }

    /// Lends the elements of a contiguous tensor in main memory, without a copy. The buffer must not leave `body`.
    ///
    /// - Throws: `TorchError` where the tensor is elsewhere or not contiguous, or what `body` throws.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        try withExtendedLifetime(self) {
            try body(UnsafeRawBufferPointer(try elements()))
        }
    }

    /// Lends the elements of a contiguous tensor in main memory for writing. Every view of them changes with them.
    ///
    /// - Throws: `TorchError` where the tensor is elsewhere or not contiguous, or what `body` throws.
    public func withUnsafeMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) throws
        -> Result
    {
        try withExtendedLifetime(self) {
            try body(try elements())
        }
    }

    private func elements() throws(TorchError) -> UnsafeMutableRawBufferPointer {
        var address: UnsafeMutableRawPointer?
        try check(ctorch_tensor_data(handle, &address), "reading a tensor of shape \(shape) in place")
        return UnsafeMutableRawBufferPointer(start: address, count: address == nil ? 0 : count * (try dtype.byteCount))
    }
}
