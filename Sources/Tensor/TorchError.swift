internal import CTorch

/// libtorch refused a call: what was being done, and what it said.
public struct TorchError: Error, CustomStringConvertible, Sendable {
    /// What was being done, such as "reshaping a tensor".
    public let operation: String
    /// libtorch's own message.
    public let message: String

    /// An error with a message of ours or of libtorch's.
    public init(operation: String, message: String) {
        self.operation = operation
        self.message = message
    }

    /// One line for a log.
    public var description: String { "\(operation) failed: \(message)" }
}

/// Throws unless `status` is success. The message is this thread's, so it is read before anything else runs.
func check(_ status: ctorch_status, _ operation: @autoclosure () -> String) throws(TorchError) {
    guard status != 0 else { return }
    let message = String(cString: ctorch_last_error())
    throw TorchError(operation: operation(), message: message)
}
