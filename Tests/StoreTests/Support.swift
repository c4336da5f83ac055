import Foundation
import Messages
import Store

/// A folder that is gone when its owner is.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("posebus-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    func path(_ name: String = "store.sqlite") -> String { url.appendingPathComponent(name).path }
}

/// An outcome's row with a body of its own.
func record(
    _ sequence: UInt64, of session: SessionID, stream: String = "cam", drop: DropReason? = nil, bytes: Int = 100
) throws -> OutcomeRecord {
    OutcomeRecord(
        stream: try StreamName(stream), session: session, sequence: SequenceNumber(sequence),
        captureTime: Timestamp(nanoseconds: Int64(1_000 + sequence)), dropStage: drop == nil ? nil : .ingest,
        dropReason: drop, persons: drop == nil ? 1 : 0,
        body: Data((0..<bytes).map { UInt8(truncatingIfNeeded: $0 &+ Int(sequence)) }))
}

func entries(_ range: Range<UInt64>, of session: SessionID, stream: String = "cam", bytes: Int = 100) throws
    -> [StoreEntry]
{
    try range.map { .outcome(try record($0, of: session, stream: stream, bytes: bytes)) }
}
