internal import Glibc

/// Nanoseconds since this machine's start, which no correction of the clock moves.
package enum MonotonicTime {
    package static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
