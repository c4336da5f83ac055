internal import Client
internal import Exports
internal import Messages
internal import ZeroMQ

/// A session as the sink replays it. For one thread.
struct BusRecording: Recording {
    let stream: StreamName
    let session: SessionID
    let revision: String
    let archive: Archive

    func forEachOutcome(_ body: (Outcome) throws -> Void) throws {
        var next = SequenceNumber.first
        while true {
            let page = try archive.outcomes(of: session, from: next, revision: revision, limit: 1000)
            guard !page.outcomes.isEmpty else { return }
            for outcome in page.outcomes { try body(outcome) }
            next = page.next
        }
    }

    func jpeg(of sequence: SequenceNumber) throws -> [UInt8]? {
        try archive.frame(of: session, sequence: sequence)?.bytes
    }
}
