import Logging
import Stage
import Synchronization
import Testing

@Suite struct WatchdogTests {
    private final class Counts: Sendable {
        let alive = Atomic<Int>(0)
        let ends = Atomic<Int>(0)
    }

    private func watchdog(_ counts: Counts, _ action: StuckAction) -> Watchdog {
        Watchdog(
            limits: .init(warning: .seconds(3), exit: .seconds(10)), action: action,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            onAlive: { counts.alive.wrappingAdd(1, ordering: .relaxed) },
            end: { counts.ends.wrappingAdd(1, ordering: .relaxed) })
    }

    private func later(_ seconds: Double) -> Int64 { Watchdog.now() + Int64(seconds * 1e9) }

    @Test func aSilentThreadIsReportedAndEndsItsProcess() {
        let counts = Counts()
        let watchdog = watchdog(counts, .exit)
        let pulse = watchdog.watch("one", meaning: "nothing works")
        pulse.beat()
        watchdog.look(at: later(2))
        #expect(counts.alive.load(ordering: .relaxed) == 1)
        watchdog.look(at: later(4))
        #expect(counts.alive.load(ordering: .relaxed) == 1, "the supervisor hears nothing while a thread is stuck")
        #expect(counts.ends.load(ordering: .relaxed) == 0)
        watchdog.look(at: later(11))
        #expect(counts.ends.load(ordering: .relaxed) == 1)
    }

    @Test func aThreadThatRestsIsNotStuck() {
        let counts = Counts()
        let watchdog = watchdog(counts, .exit)
        let pulse = watchdog.watch("one", meaning: "nothing works")
        pulse.beat()
        pulse.rest()
        watchdog.look(at: later(1000))
        #expect(counts.alive.load(ordering: .relaxed) == 1 && counts.ends.load(ordering: .relaxed) == 0)
    }

    @Test func longWorkHasItsOwnPatience() {
        let counts = Counts()
        let watchdog = watchdog(counts, .exit)
        let pulse = watchdog.watch("engine", meaning: "nothing is looked at")
        pulse.beginWork(patience: .seconds(100))
        watchdog.look(at: later(50))
        #expect(counts.alive.load(ordering: .relaxed) == 1 && counts.ends.load(ordering: .relaxed) == 0)
        watchdog.look(at: later(101))
        #expect(counts.ends.load(ordering: .relaxed) == 1)
    }

    @Test func onlyLoggingEndsNothing() {
        let counts = Counts()
        let watchdog = watchdog(counts, .log)
        watchdog.watch("one", meaning: "nothing works").beat()
        watchdog.look(at: later(1000))
        #expect(counts.ends.load(ordering: .relaxed) == 0)
    }
}
