import Delivery
import Foundation
import Messages

let start = ContinuousClock.now

func header(
    _ sequence: UInt64 = 0, oldest: UInt64 = 0, session: SessionID = fixedSession, isEnd: Bool = false
) -> FrameHeader {
    FrameHeader(
        stream: fixedStream, session: session, sequence: SequenceNumber(sequence),
        oldestUnacknowledged: SequenceNumber(oldest), captureTime: Timestamp(nanoseconds: 0),
        acceptedTime: Timestamp(nanoseconds: 0), payload: .jpeg, isEnd: isEnd)
}

let fixedSession = SessionID(UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)))
let fixedStream: StreamName = {
    do { return try StreamName("cam") } catch { fatalError("\(error)") }
}()

func acknowledgement(_ next: UInt64, ended: Bool = false) -> Acknowledgement {
    Acknowledgement(session: fixedSession, next: SequenceNumber(next), ended: ended)
}
