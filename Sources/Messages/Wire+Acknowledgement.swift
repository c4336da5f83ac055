internal import Foundation
internal import SwiftProtobuf

extension Acknowledgement {
    /// Reads an acknowledgement: the second part of a message under `Topic.acknowledgement`.
    ///
    /// - Throws: `WireError`, naming what is wrong.
    public init(wire bytes: [UInt8]) throws(WireError) {
        if let acknowledgement = bytes.withUnsafeBytes(Self.quick) {
            self = acknowledgement
        } else {
            try self.init(generalWire: bytes)
        }
    }

    /// Reads every spelling of an acknowledgement that protobuf allows, and says what is wrong with one that is none.
    package init(generalWire bytes: [UInt8]) throws(WireError) {
        let wire: Posebus_V1_Acknowledgement
        do {
            wire = try Posebus_V1_Acknowledgement(serializedBytes: bytes)
        } catch {
            throw .malformed(message: "Acknowledgement")
        }
        guard ProtocolVersion.readable.contains(wire.version) else { throw .unknownVersion(wire.version) }
        guard let session = SessionID(bytes: wire.session) else {
            throw .invalidField(message: "Acknowledgement", field: "session", problem: "not 16 bytes")
        }
        self.init(
            session: session, next: SequenceNumber(wire.nextSequence), ended: wire.ended,
            sessionState: [UInt8](wire.sessionState))
    }

    /// The bytes of this acknowledgement.
    public func wireBytes() -> [UInt8] {
        var writer = ProtobufWriter(capacity: 40 + sessionState.count)
        write(to: &writer)
        return writer.bytes
    }
}
