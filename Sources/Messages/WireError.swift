public import Foundation

/// Why bytes received from another stage are not a message of this protocol.
public enum WireError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
    /// The bytes are no protobuf of the expected message.
    case malformed(message: String)
    /// The sender speaks another version.
    case unknownVersion(UInt32)
    /// A field that must be there is absent or has no valid value.
    case invalidField(message: String, field: String, problem: String)

    public var description: String {
        switch self {
        case .malformed(let message):
            "the bytes are no \(message) message of PoseBus"
        case .unknownVersion(let version):
            """
            the sender speaks protocol version \(version), this stage understands \(ProtocolVersion.readableText): \
            run neighbouring releases of PoseBus, or the same one, on all machines (docs/upgrades.md)
            """
        case .invalidField(let message, let field, let problem):
            "field \(field) of \(message): \(problem)"
        }
    }

    public var errorDescription: String? { description }
}
