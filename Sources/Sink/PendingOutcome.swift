package import Foundation
internal import Messages
internal import ZeroMQ

/// An outcome between its arrival and its commit.
struct PendingOutcome {
    /// The outcome, read.
    private(set) var outcome: Outcome
    /// The outcome as it came.
    let message: Message
    /// The picture it belongs to, where infer sends it on.
    let jpeg: Message?
    /// What infer knows of the session's persons after this frame.
    let sessionState: Message?
    /// When it came.
    let arrived: Timestamp

    init(_ outcome: Outcome, message: Message, jpeg: Message?, sessionState: Message?, arrived: Timestamp) {
        self.outcome = outcome
        self.message = message
        self.jpeg = jpeg
        self.sessionState = sessionState
        self.arrived = arrived
    }

    /// Fills in the sink's timing and gives the protobuf to store, to publish and to play back.
    ///
    /// `sink` runs from arrival to the beginning of the commit, `total` from ingest's acceptance to the same moment: the
    /// end of a commit cannot be part of what it commits.
    mutating func body(at now: Timestamp) -> Data {
        outcome.timing.sink = now.milliseconds(since: arrived)
        outcome.timing.total = now.milliseconds(since: outcome.frame.acceptedTime)
        return message.withUnsafeBytes {
            addingSinkTiming(to: $0, sink: outcome.timing.sink, total: outcome.timing.total)
        }
    }
}

/// The protobuf of an outcome with two fields of its `timing` set, without reading or writing the rest again.
///
/// Protobuf merges a message that occurs twice, field by field, and the last value of a number wins. So a second
/// `timing` (field 6 of Outcome) with only `sink` and `total` (4 and 5 of Timing) is appended: 12 bytes.
package func addingSinkTiming(to outcome: UnsafeRawBufferPointer, sink: Float, total: Float) -> Data {
    let lengthDelimited: UInt8 = 2
    let fixed32: UInt8 = 5
    var body = Data(capacity: outcome.count + 12)
    body.append(contentsOf: outcome)
    body.append(contentsOf: [6 << 3 | lengthDelimited, 10])
    for (field, value) in [(4 as UInt8, sink), (5, total)] {
        body.append(field << 3 | fixed32)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { body.append(contentsOf: $0) }
    }
    return body
}
