internal import Exports
internal import Foundation
internal import Messages
internal import Store

/// A session of a store, as it was stored live or as it was refined.
struct StoreRecording: Recording {
    let reader: StoreReader
    let record: SessionRecord
    let revision: RevisionRecord?

    var stream: StreamName { record.stream }
    var session: SessionID { record.session }

    func forEachOutcome(_ body: (Outcome) throws -> Void) throws {
        try reader.forEachOutcome(of: record.session, revision: revision) { try body(try $0.outcome()) }
    }

    func jpeg(of sequence: SequenceNumber) throws -> [UInt8]? {
        try reader.frame(of: record.session, sequence: sequence).map { [UInt8]($0) }
    }
}
