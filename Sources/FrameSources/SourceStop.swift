internal import Foundation
internal import Synchronization

/// Ends sources from another thread or a signal handler: a blocked `next()` returns nil within a fraction of a second.
package final class SourceStop: Sendable {
    private let flag = Atomic<Bool>(false)

    package init() {}

    package var isStopped: Bool { flag.load(ordering: .acquiring) }

    package func stop() {
        flag.store(true, ordering: .releasing)
    }

    /// How long a blocking call may go without looking at the flag.
    static let checkIntervalMs: Int32 = 100

    /// Sleeps until a Unix time, or until stopped.
    func sleep(until timeNs: Int64) {
        while !isStopped {
            let left = timeNs - unixTimeNs()
            guard left > 0 else { return }
            usleep(UInt32(min(left / 1000 + 1, Int64(Self.checkIntervalMs) * 1000)))
        }
    }
}

/// Now, as Unix time in nanoseconds.
func unixTimeNs() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
