internal import CPlans

/// Float32 numbers with a shape, in row-major order: what plans take and answer with.
///
/// An array belongs to one thread at a time, hence it is not Sendable.
package final class FloatArray {
    let handle: cplans_array
    /// The sizes of its dimensions, outermost first.
    package let shape: [Int]

    /// Takes ownership of the handle.
    init(owning handle: cplans_array) {
        self.handle = handle
        let rank = Int(cplans_array_rank(handle))
        let sizes = [Int64](unsafeUninitializedCapacity: rank) { buffer, count in
            if let address = buffer.baseAddress { cplans_array_shape(handle, address) }
            count = rank
        }
        shape = sizes.map(Int.init)
    }

    deinit {
        cplans_array_free(handle)
    }

    /// An array of zeros.
    ///
    /// - Throws: `PlanError` for a shape that cannot be, or where memory is short.
    package convenience init(zeros shape: [Int]) throws(PlanError) {
        let sizes = shape.map(Int64.init)
        var handle: cplans_array?
        let operation = "creating an array of shape \(shape)"
        try check(cplans_array_create(sizes, Int32(sizes.count), &handle), operation)
        guard let handle else { throw PlanError(operation: operation, message: "there is none") }
        self.init(owning: handle)
    }

    /// A copy of row-major values.
    ///
    /// - Throws: `PlanError` where shape and count do not fit each other.
    package convenience init(_ values: [Float], shape: [Int]) throws(PlanError) {
        try self.init(zeros: shape)
        guard count == values.count else {
            throw PlanError(
                operation: "creating an array of shape \(shape)",
                message: "it has \(count) elements, and was given \(values.count)")
        }
        withUnsafeMutableElements { elements in _ = elements.update(fromContentsOf: values) }
    }

    /// The number of elements.
    package var count: Int { shape.reduce(1, *) }

    /// A copy of the elements.
    package func floats() -> [Float] { withUnsafeElements { Array($0) } }

    /// Lends the elements, without a copy. The buffer must not leave `body`.
    package func withUnsafeElements<Result, Failure>(
        _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeMutableElements { elements throws(Failure) in try body(UnsafeBufferPointer(elements)) }
    }

    /// Lends the elements for writing.
    package func withUnsafeMutableElements<Result, Failure>(
        _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeMutableBufferPointer(start: cplans_array_data(handle), count: count))
    }
}
