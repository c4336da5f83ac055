public import ArgumentParser
internal import Foundation
public import Logging
internal import Synchronization

/// What happens when a thread is stuck.
public enum StuckAction: String, Sendable, ExpressibleByArgument, CaseIterable {
    /// Only the log says so.
    case log
    /// The process ends with `ExitCode.stuck`, for a supervisor that restarts it.
    case exit
}

extension ExitCode {
    /// A thread made no progress for too long (EX_SOFTWARE).
    public static let stuck = ExitCode(70)
}

/// Notices threads that are stuck: each says that it goes on, and one thread of the watchdog's own looks whether all did.
///
///     let pulse = watchdog.watch("sink", meaning: "nothing is stored or acknowledged")
///     while working { pulse.beat(); … }
///
/// A frozen process says nothing at all: its peers notice that by ZeroMQ's heartbeats, and its supervisor by the lines
/// that a supervised stage writes while everything goes on (`aliveLine`).
public final class Watchdog: Sendable {
    /// How long a thread may be silent.
    public struct Limits: Sendable {
        /// After this the log says so.
        public var warning: Duration
        /// After this the process ends, where it should.
        public var exit: Duration

        /// Limits; a machine that is merely busy can silence a thread for seconds.
        public init(warning: Duration = .milliseconds(2500), exit: Duration = .seconds(10)) {
            self.warning = warning
            self.exit = exit
        }
    }

    /// One thread's sign of life.
    public final class Pulse: Sendable {
        let name: String
        let meaning: String
        private let last = Atomic<Int64>(0)
        private let patience = Atomic<Int64>(0)

        init(_ name: String, _ meaning: String) {
            self.name = name
            self.meaning = meaning
        }

        /// The thread goes on. From now on it is expected to say so again.
        public func beat() {
            patience.store(0, ordering: .relaxed)
            last.store(Watchdog.now(), ordering: .releasing)
        }

        /// The thread begins work that may take long, such as an engine's first inference: it is still reported when it is
        /// slow, but its process does not end before `patience` is over.
        public func beginWork(patience: Duration) {
            self.patience.store(Int64(patience / .nanoseconds(1)), ordering: .relaxed)
            last.store(Watchdog.now(), ordering: .releasing)
        }

        /// The thread waits for work, however long.
        public func rest() {
            last.store(0, ordering: .releasing)
        }

        /// How long it has been silent; nil while it rests.
        func silence(at now: Int64) -> (since: Int64, patience: Int64)? {
            let last = last.load(ordering: .acquiring)
            return last == 0 ? nil : (max(0, now - last), patience.load(ordering: .relaxed))
        }
    }

    private struct State {
        var pulses: [Pulse] = []
        var reported: Set<String> = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let limits: Limits
    private let action: StuckAction
    private let logger: Logger
    /// Called after every look that found all threads going on.
    private let onAlive: @Sendable () -> Void
    /// Ends the process; tests put something else here.
    private let end: @Sendable () -> Void
    private let interval: Duration

    /// A watchdog; `start` makes it look.
    public init(
        limits: Limits = Limits(), action: StuckAction, logger: Logger, interval: Duration = .milliseconds(250),
        onAlive: @escaping @Sendable () -> Void = {},
        end: (@Sendable () -> Void)? = nil
    ) {
        self.limits = limits
        self.action = action
        self.logger = logger
        self.interval = interval
        self.onAlive = onAlive
        self.end = end ?? { _exit(ExitCode.stuck.rawValue) }
    }

    /// Registers a thread.
    ///
    /// - Parameters:
    ///   - name: as `top -H` shows it.
    ///   - meaning: what does not happen while it is stuck.
    public func watch(_ name: String, meaning: String) -> Pulse {
        let pulse = Pulse(name, meaning)
        state.withLock { $0.pulses.append(pulse) }
        return pulse
    }

    /// Looks from now on, until `stop`.
    public func start() {
        let thread = Thread { [self] in
            var before = Self.now()
            while !state.withLock({ $0.isStopped }) {
                Thread.sleep(forTimeInterval: interval / .seconds(1))
                let now = Self.now()
                // Where the watchdog itself was held up, the whole machine was.
                if now - before < Int64(limits.warning / .nanoseconds(1)) { look(at: now) }
                before = now
            }
        }
        thread.name = "watchdog"
        thread.start()
    }

    /// Ends it.
    public func stop() {
        state.withLock { $0.isStopped = true }
    }

    /// How a thread is.
    public struct ThreadState: Sendable {
        /// As `top -H` shows it.
        public let name: String
        /// What does not happen while it is stuck.
        public let meaning: String
        /// How long it has not moved; zero while it waits for work.
        public let silence: Duration
        /// Whether that is longer than any work may take.
        public let isStuck: Bool
    }

    /// All threads as they are now, on whatever thread that is asked.
    public var threads: [ThreadState] { threads(at: Self.now()) }

    package func threads(at now: Int64) -> [ThreadState] {
        state.withLock { $0.pulses }.map { pulse in
            let silence = pulse.silence(at: now)
            let duration = Duration.nanoseconds(silence?.since ?? 0)
            return ThreadState(
                name: pulse.name, meaning: pulse.meaning, silence: duration,
                isStuck: duration >= max(limits.exit, .nanoseconds(silence?.patience ?? 0)))
        }
    }

    /// One look.
    package func look(at now: Int64) {
        var isAlive = true
        for pulse in state.withLock({ $0.pulses }) {
            let silence = pulse.silence(at: now)
            let duration = Duration.nanoseconds(silence?.since ?? 0)
            if duration < limits.warning {
                if state.withLock({ $0.reported.remove(pulse.name) }) != nil {
                    logger.notice("thread \(pulse.name) goes on")
                }
                continue
            }
            let patience = max(limits.exit, .nanoseconds(silence?.patience ?? 0))
            if silence?.patience == 0 { isAlive = false }
            if state.withLock({ $0.reported.insert(pulse.name).inserted }) {
                logger.error(
                    "thread \(pulse.name) has not moved for \(Self.text(duration)): \(pulse.meaning)",
                    metadata: ["ends_after": "\(action == .exit ? Self.text(patience) : "never")"])
            }
            if action == .exit, duration >= patience {
                logger.critical(
                    "thread \(pulse.name) is stuck for \(Self.text(duration)); this process ends to be restarted")
                end()
            }
        }
        if isAlive { onAlive() }
    }

    private static func text(_ duration: Duration) -> String {
        "\((duration / .milliseconds(100)).rounded() / 10) s"
    }

    /// Nanoseconds that do not count while the machine sleeps.
    package static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
