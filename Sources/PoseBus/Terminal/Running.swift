internal import Foundation
internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals

/// Runs `work` while `tick` is called about five times a second.
func whileRunning(tick: @escaping @Sendable () -> Void, work: @escaping @Sendable () async throws -> Void) async throws
{
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
func withInterrupt(
    _ onInterrupt: @escaping @Sendable () -> Void, while work: @escaping @Sendable () async throws -> Void
) async throws {
    let group = ServiceGroup(
        configuration: .init(
            services: [
                .init(
                    service: InterruptibleWork(work: work, onInterrupt: onInterrupt),
                    successTerminationBehavior: .gracefullyShutdownGroup)
            ],
            gracefulShutdownSignals: [.sigint, .sigterm],
            logger: Logger(label: "posebus") { _ in SwiftLogNoOpLogHandler() }))
    try await group.run()
}

private struct InterruptibleWork: Service {
    let work: @Sendable () async throws -> Void
    let onInterrupt: @Sendable () -> Void

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await work()
        } onGracefulShutdown: {
            onInterrupt()
        }
    }
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
