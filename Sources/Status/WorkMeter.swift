internal import Metering
internal import Synchronization

/// Whether a stage finishes some of the work that it has in hand. One thread tells, any thread asks.
public final class WorkMeter: Sendable {
    private let inHand = Atomic<Int>(0)
    private let finished = Atomic<Int>(0)
    /// Since when there is work of which none was finished, in nanoseconds of the monotonic clock; 0: there is none.
    private let waitingSince = Atomic<Int64>(0)

    init() {}

    /// Says how things are now.
    ///
    /// - Parameters:
    ///   - inHand: how much is to be done.
    ///   - finished: how much was done since the start.
    public func note(inHand: Int, finished: Int) {
        note(inHand: inHand, finished: finished, at: MonotonicTime.now)
    }

    package func note(inHand: Int, finished: Int, at now: Int64) {
        self.inHand.store(inHand, ordering: .relaxed)
        let before = self.finished.exchange(finished, ordering: .relaxed)
        if inHand == 0 {
            waitingSince.store(0, ordering: .relaxed)
        } else if finished != before || waitingSince.load(ordering: .relaxed) == 0 {
            waitingSince.store(now, ordering: .relaxed)
        }
    }

    /// How much is in hand, and for how long none of it was finished; nil where nothing is.
    package func waiting(at now: Int64) -> (count: Int, time: Duration)? {
        let since = waitingSince.load(ordering: .relaxed)
        return since == 0 ? nil : (inHand.load(ordering: .relaxed), .nanoseconds(max(0, now - since)))
    }
}
