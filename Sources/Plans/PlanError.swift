internal import CPlans

/// An array or a plan could not be made or run: what was being done, and why not.
package struct PlanError: Error, CustomStringConvertible, Sendable {
    /// What was being done, such as "running a plan".
    package let operation: String
    /// Why it cannot be.
    package let message: String

    /// An error with a message.
    package init(operation: String, message: String) {
        self.operation = operation
        self.message = message
    }

    /// One line for a log.
    package var description: String { "\(operation) failed: \(message)" }
}

/// Throws unless `status` is success. The message is this thread's, so it is read before anything else runs.
func check(_ status: cplans_status, _ operation: @autoclosure () -> String) throws(PlanError) {
    guard status != 0 else { return }
    let message = String(cString: cplans_last_error())
    throw PlanError(operation: operation(), message: message)
}
