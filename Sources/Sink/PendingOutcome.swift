package import Foundation
internal import Messages
internal import ZeroMQ

/// An outcome between its arrival and its commit.
final class PendingOutcome {
    /// What is read of it.
    let summary: OutcomeSummary
    /// The outcome as it came.
    let message: Message
    /// The picture it belongs to, where infer sends it on.
    let jpeg: Message?
    /// What infer knows of the session's persons after this frame.
    let sessionState: Message?
    /// When it came.
    let arrived: Timestamp

    var frame: FrameHeader { summary.frame }

    init(_ summary: OutcomeSummary, message: Message, jpeg: Message?, sessionState: Message?, arrived: Timestamp) {
        self.summary = summary
        self.message = message
        self.jpeg = jpeg
        self.sessionState = sessionState
        self.arrived = arrived
    }

    /// The protobuf to store, to publish and to play back: what came, with the sink's timing.
    ///
    /// `sink` runs from arrival to the beginning of the commit, `total` from ingest's acceptance to the same moment: the
    /// end of a commit cannot be part of what it commits.
    func body(at now: Timestamp) -> Data {
        message.withUnsafeBytes {
            addingSinkTiming(
                to: $0, sink: now.milliseconds(since: arrived),
                total: now.milliseconds(since: summary.frame.acceptedTime))
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
    var body = Data(count: outcome.count + 12)
    body.withUnsafeMutableBytes { body in
        body.copyMemory(from: outcome)
        body[outcome.count] = 6 << 3 | lengthDelimited
        body[outcome.count + 1] = 10
        for (index, (field, value)) in [(4 as UInt8, sink), (5, total)].enumerated() {
            let place = outcome.count + 2 + 5 * index
            body[place] = field << 3 | fixed32
            body.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: place + 1, as: UInt32.self)
        }
    }
    return body
}
