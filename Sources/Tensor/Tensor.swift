internal import CTorch

/// A tensor of libtorch's.
///
/// Views share their elements with the tensor they were taken from. Elements lie in row-major order unless a view says
/// otherwise. A tensor belongs to one thread at a time, hence it is not Sendable.
public final class Tensor {
    let handle: ctorch_tensor

    /// Takes ownership of the handle.
    init(owning handle: ctorch_tensor) {
        self.handle = handle
    }

    deinit {
        ctorch_tensor_free(handle)
    }

    /// The sizes of its dimensions, outermost first.
    public var shape: [Int] {
        let rank = Int(ctorch_tensor_rank(handle))
        let sizes = [Int64](unsafeUninitializedCapacity: rank) { buffer, count in
            if let address = buffer.baseAddress { ctorch_tensor_shape(handle, address) }
            count = rank
        }
        return sizes.map(Int.init)
    }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// The type of its elements.
    ///
    /// - Throws: `TorchError` where it is a type that PoseBus does not use.
    public var dtype: DType {
        get throws(TorchError) {
            let code = ctorch_tensor_dtype(handle)
            guard let dtype = DType(code: code) else {
                throw TorchError(operation: "reading a tensor's element type", message: "it is not one PoseBus uses")
            }
            return dtype
        }
    }

    /// Where its elements are.
    public var device: Device { Device(code: ctorch_tensor_device(handle)) }
}

/// Runs `body`, which stores a new handle, and wraps what it stored.
func makeTensor(
    _ operation: @autoclosure () -> String, _ body: (UnsafeMutablePointer<ctorch_tensor?>) -> ctorch_status
) throws(TorchError) -> Tensor {
    var handle: ctorch_tensor?
    try check(body(&handle), operation())
    guard let handle else { throw TorchError(operation: operation(), message: "libtorch answered with no tensor") }
    return Tensor(owning: handle)
}
