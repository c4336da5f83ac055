/// A feeder's frames between being handed over and being answered, sent again where the connection was lost.
///
///     let number = queue.append(frame)
///     while let next = queue.upcoming, socket takes it { queue.sent() }
///     queue.accepted(number) / queue.refused(number) / queue.sendAgain(from: number)
///     queue.restart()                    // the connection is new: what it carried may be lost
package struct FeederQueue<Frame> {
    private var frames: [(frame: Frame, isAnswered: Bool)] = []
    private var cursor: UInt64 = 0
    /// The oldest frame without an answer, or the number of the next one.
    package private(set) var oldest: UInt64 = 0

    /// An empty queue, at frame 0.
    package init() {}

    /// The number of the next frame to be appended.
    package var next: UInt64 { oldest + UInt64(frames.count) }
    /// Frames that wait for an answer.
    package var count: Int { frames.count }

    /// Takes a frame and gives it its number.
    package mutating func append(_ frame: Frame) -> UInt64 {
        frames.append((frame, false))
        return next - 1
    }

    /// What to send next, or nil where everything is sent.
    package var upcoming: (number: UInt64, oldest: UInt64, frame: Frame)? {
        guard cursor < next else { return nil }
        return (cursor, oldest, frames[Int(cursor - oldest)].frame)
    }

    /// Notes that what `upcoming` said was handed to the socket.
    package mutating func sent() {
        cursor += 1
    }

    /// Ingest has a frame, and with it all before it, since it takes them in order only.
    ///
    /// - Returns: how many frames that settles.
    package mutating func accepted(_ number: UInt64) -> Int {
        guard number >= oldest, number < next else { return 0 }
        let count = Int(number - oldest) + 1
        let settled = frames.prefix(count).count { !$0.isAnswered }
        forget(count)
        forget(frames.prefix { $0.isAnswered }.count)
        return settled
    }

    /// Ingest will not take this frame.
    ///
    /// - Returns: whether that is news.
    package mutating func refused(_ number: UInt64) -> Bool {
        guard number >= oldest, number < next, !frames[Int(number - oldest)].isAnswered else { return false }
        frames[Int(number - oldest)].isAnswered = true
        forget(frames.prefix { $0.isAnswered }.count)
        return true
    }

    /// Ingest could not take this frame for now: begins again with it.
    package mutating func sendAgain(from number: UInt64) {
        if number >= oldest, number < next { cursor = min(cursor, number) }
    }

    /// Begins again at the oldest unanswered frame.
    ///
    /// - Returns: how many frames will be sent again.
    package mutating func restart() -> Int {
        defer { cursor = oldest }
        return Int(cursor - oldest)
    }

    private mutating func forget(_ count: Int) {
        frames.removeFirst(count)
        oldest += UInt64(count)
        cursor = max(cursor, oldest)
    }
}
