internal import Synchronization
internal import UnixSignals

/// Runs `work` while `tick` is called about five times a second.
func whileRunning(tick: @escaping @Sendable () -> Void, work: () async throws -> Void) async throws {
    let ticker = Task {
        while !Task.isCancelled {
            tick()
            try await Task.sleep(for: .milliseconds(200))
        }
    }
    defer { ticker.cancel() }
    try await work()
}

/// Runs `work`; SIGINT and SIGTERM call `onInterrupt` instead of ending the process, so that it can end properly.
///
/// - Parameter onInterrupt: is told how many there were: who asks again wants it at once.
func withInterrupt(_ onInterrupt: @escaping @Sendable (Int) -> Void, while work: () async throws -> Void) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let listener = Task {
        var count = 0
        for await _ in signals {
            count += 1
            onInterrupt(count)
        }
    }
    defer { listener.cancel() }
    try await work()
}

/// Frames a second over the last two seconds.
final class RateMeter: Sendable {
    private let samples = Mutex<[(time: ContinuousClock.Instant, count: Int)]>([])

    /// The rate, given the count as it is now.
    func rate(_ count: Int) -> Double {
        samples.withLock { samples in
            let now = ContinuousClock.now
            samples.append((now, count))
            while samples.count > 2, now - samples[0].time > .seconds(2) { samples.removeFirst() }
            guard let first = samples.first, now > first.time else { return 0 }
            return Double(count - first.count) / ((now - first.time) / .seconds(1))
        }
    }
}
