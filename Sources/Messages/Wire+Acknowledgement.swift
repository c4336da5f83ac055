internal import Foundation
internal import SwiftProtobuf

extension Acknowledgement {
    /// Reads an acknowledgement: the second part of a message under `Topic.acknowledgement`.
    ///
    /// - Throws: `WireError`, naming what is wrong.
    public init(wire bytes: [UInt8]) throws(WireError) {
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
        var wire = Posebus_V1_Acknowledgement()
        wire.version = ProtocolVersion.written
        wire.session = Data(session.bytes)
        wire.nextSequence = next.value
        wire.ended = ended
        if !sessionState.isEmpty { wire.sessionState = Data(sessionState) }
        return wire.bytes
    }
}
