/// Recognises frames that feeders send again because the answer was lost, by each feeder's own numbers.
///
/// A feeder that gives itself a name counts its frames by one, repeats from the oldest unanswered one in order, and says
/// with each frame which one that is. So a frame is new exactly where it follows the last one known, or where the feeder
/// says that nothing before it is open.
package struct FeederLedger: Equatable, Sendable {
    /// What to do with a frame.
    package enum Verdict: Equatable, Sendable {
        /// Take it, and note it.
        case new
        /// It was taken before: answer it again.
        case known
        /// One before it is missing; the feeder sends both again, in order.
        case early
    }

    private struct Entry: Equatable, Sendable {
        var last: UInt64
        var use: UInt64
    }

    private var feeders: [String: Entry] = [:]
    private var uses: UInt64 = 0
    private let capacity: Int

    /// A ledger that knows nobody.
    ///
    /// - Parameter capacity: how many feeders of a stream are remembered; the one unheard for longest is forgotten.
    package init(capacity: Int = 16) {
        self.capacity = capacity
    }

    /// The last frame of every feeder, by its name.
    package var lastFrames: [String: UInt64] { feeders.mapValues(\.last) }

    /// Decides about a frame.
    ///
    /// - Parameter oldest: the feeder's oldest unanswered frame when it sent this one.
    package func judge(_ feeder: String, frame: UInt64, oldest: UInt64?) -> Verdict {
        guard let last = feeders[feeder]?.last else { return frame == oldest ?? frame ? .new : .early }
        if frame <= last { return .known }
        return frame == last + 1 || frame == oldest ? .new : .early
    }

    /// Notes a frame that was taken.
    package mutating func note(_ feeder: String, frame: UInt64) {
        uses += 1
        feeders[feeder] = Entry(last: max(frame, feeders[feeder]?.last ?? frame), use: uses)
        if feeders.count > capacity, let oldest = feeders.min(by: { $0.value.use < $1.value.use }) {
            feeders[oldest.key] = nil
        }
    }
}
