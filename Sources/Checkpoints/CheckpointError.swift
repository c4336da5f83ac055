/// A file of weights that cannot be used: which file, and what about it.
public struct CheckpointError: Error, CustomStringConvertible, Sendable {
    /// What kind of failure it is, for a program to tell apart.
    public enum Kind: Sendable {
        /// The file could not be opened or mapped.
        case unreadable
        /// Its bytes contradict its format.
        case malformed
        /// It is well-formed but uses something that PoseBus does not know.
        case unsupported
    }

    /// The file's path or name.
    public let file: String
    /// What kind of failure it is.
    public let kind: Kind
    /// What is wrong, for a person.
    public let message: String

    /// An error about one file.
    public init(file: String, _ kind: Kind, _ message: String) {
        self.file = file
        self.kind = kind
        self.message = message
    }

    /// One line for a log.
    public var description: String { "\(file): \(message)" }
}
