internal import ArgumentParser

/// A fault that a test asks for: what befalls infer when its engine is given a certain frame.
///
/// It stands for an image that no engine survives, which nobody can provide on purpose.
package struct InjectedFault: Sendable, Equatable {
    /// What happens.
    package enum Kind: String, Sendable {
        /// The process dies at once.
        case crash
        /// The engine's thread never comes back.
        case hang
    }

    package let kind: Kind
    /// The feeder's own number of the frame.
    package let frame: UInt64

    /// Reads `crash@17` or `hang@17`.
    package init?(_ text: String) {
        let parts = text.split(separator: "@")
        guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])), let frame = UInt64(parts[1]) else {
            return nil
        }
        self.kind = kind
        self.frame = frame
    }
}

extension InjectedFault: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}
