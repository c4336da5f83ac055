internal import ArgumentParser
internal import Foundation
internal import FrameSources
internal import Messages
internal import Security
internal import Spawning
internal import Stage
internal import Synchronization
internal import Weights

/// One run of `posebus up`: stages and feeders, from start to summary.
final class Pipeline: Sendable {
    private let runs: [FeedRun]
    private let plans: StagePlans
    private let store: String
    private let joints: JointsFile?
    private let keys: StageSecurity

    private let progress = ProgressLine()
    private let tally = ResultTally()
    private let counting = Mutex<Task<Void, any Error>?>(nil)
    private let isInferReady = Latch()
    /// Open once the person, or a failure, has ended the run.
    private let stopped = Latch()
    /// Open once nobody wants to wait any more.
    private let hurried = Latch()
    private let failure = Mutex<StageFailure?>(nil)
    private let ingestDeaths = Atomic<Int>(0)

    /// How long a run that was stopped may take to store what was accepted.
    private static let patience = Duration.seconds(30)

    init(runs: [FeedRun], plans: StagePlans, store: String, joints: JointsFile?, keys: StageSecurity) {
        self.runs = runs
        self.plans = plans
        self.store = store
        self.joints = joints
        self.keys = keys
    }

    /// Ends the run properly: sources end, what was accepted is stored. Asked again, it ends at once.
    func stop(request count: Int) {
        stopped.open()
        runs.forEach { $0.cancel() }
        guard count > 1 else { return }
        hurried.open()
        runs.forEach { $0.abandon() }
    }

    /// Runs everything and prints the summary.
    func run() async -> ExitCode {
        let start = ContinuousClock.now
        let account = RunAccount(store: store)
        let supervisor = Supervisor(
            log: { [progress] in progress.print($0) },
            onDeath: { [weak self] in self?.noteDeath(of: $0) },
            onGivingUp: { [weak self] in self?.giveUp($0) })
        let ticker = Task { [self] in
            let meter = RateMeter()
            while !Task.isCancelled {
                progress.update(progressText(meter))
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        do {
            try await work(supervisor)
        } catch {
            note(error as? StageFailure ?? StageFailure("\(error)", exitCode: .failure))
        }
        await end(supervisor)
        let took = ContinuousClock.now - start
        ticker.cancel()
        counting.withLock { $0?.cancel() }
        progress.clear()
        plans.cleanUp()
        return summarise(account, took: took)
    }

    // MARK: - From start to end

    /// Starts all stages at once and feeds as soon as ingest listens: its window takes frames while infer still loads.
    private func work(_ supervisor: Supervisor) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                _ = try await supervisor.start(plans.infer)
                isInferReady.open()
            }
            async let sink = supervisor.start(plans.sink)
            let ingest = try await supervisor.start(plans.ingest)
            guard let request = ingest["request"], let results = try await sink["results"] else {
                throw StageFailure(
                    "the stages beside posebus are of another release; build all of them", exitCode: .failure)
            }
            // Until the end: the last frames are still under way when every source has ended.
            let count = Task { [tally, keys] in try await tally.count(from: results, access: keys.access) }
            counting.withLock { $0 = count }
            if runs.isEmpty {
                progress.print(
                    "running: feed frames to \(request) (posebus feed SOURCE --to \(request)), "
                        + "read results at \(results); Ctrl-C ends it")
                await stopped.wait()
            }
            for run in runs { group.addTask { [self] in await feed(run, to: request) } }
            try await group.waitForAll()
        }
    }

    private func feed(_ run: FeedRun, to endpoint: String) async {
        do {
            try await run.run(to: endpoint, access: keys.access, joints: joints)
        } catch {
            note(StageFailure("\(run.stream): \(error)", exitCode: .failure))
            stop(request: 1)
        }
    }

    /// Stops the stages in the data's order. Ingest ends once everything it accepted is stored, so that its end is the
    /// end of the run; infer and sink are kept alive until then.
    private func end(_ supervisor: Supervisor) async {
        let impatience = Task { [self] in
            await stopped.wait()
            let timer = Task {
                try await Task.sleep(for: Self.patience)
                hurried.open()
            }
            await hurried.wait()
            timer.cancel()
            await supervisor.kill(plans.ingest.name)
        }
        defer { impatience.cancel() }
        if let end = await supervisor.end(plans.ingest.name), end != .status(0), !hurried.isOpen {
            noteDeath(of: plans.ingest.name)
        }
        await supervisor.end(plans.infer.name)
        await supervisor.end(plans.sink.name)
        // Whoever waits for these waits no more.
        hurried.open()
        stopped.open()
    }

    private func noteDeath(of stage: String) {
        guard stage == plans.ingest.name else { return }
        ingestDeaths.add(1, ordering: .relaxed)
    }

    private func giveUp(_ failure: StageFailure) {
        let mayBePorts = failure.exitCode == .unavailable && !plans.isEphemeral
        note(
            mayBePorts
                ? StageFailure(
                    "\(failure)\nposebus up: with --ephemeral the stages use free ports", exitCode: failure.exitCode)
                : failure)
        stop(request: 2)
    }

    private func note(_ failure: StageFailure) {
        self.failure.withLock { $0 = $0 ?? failure }
    }

    // MARK: - What the person sees

    private func progressText(_ meter: RateMeter) -> String {
        let total = tally.total
        let frames = total.poses + total.drops
        let fed = runs.map(\.status)
        guard isInferReady.isOpen else {
            return "starting: loading the engine, \(fed.reduce(0) { $0 + $1.accepted }.grouped) frames wait"
        }
        let expected = fed.compactMap(\.expected).reduce(0, +)
        return "\(frames.grouped)\(expected > 0 ? " of \(expected.grouped)" : "") frames  "
            + "\(meter.rate(frames).fixed(1)) frames/s  \(total.withPersons.grouped) with persons  "
            + "\(total.drops.grouped) drops"
            + (isLive ? "  latency \(Double(total.lastLatency).fixed(0)) ms" : "")
    }

    /// Whether frames come at their own pace. Those of a file wait for each other, and how long says nothing.
    private var isLive: Bool { runs.allSatisfy(\.spec.isLive) }

    /// Says what became of every frame, from what is in the store.
    private func summarise(_ account: RunAccount, took: Duration) -> ExitCode {
        do {
            let streams = try account.streams(fed: runs.map { ($0.stream, $0.status) })
            let frames = streams.reduce(0) { $0 + $1.outcomes }
            // A run that came to nothing has a reason, which is told below.
            if frames > 0 || failure.withLock({ $0 }) == nil {
                for stream in streams { print(stream.line) }
                let seconds = took / .seconds(1)
                let rate = " (\((Double(frames) / max(seconds, 0.001)).fixed(1)) frames/s, start included)"
                print("\(frames) frames in \(seconds.fixed(1)) s\(isLive ? "" : rate), stored in \(store)")
            }
            let problems = streams.flatMap { $0.problems(ingestDied: ingestDeaths.load(ordering: .relaxed) > 0) }
            if !problems.isEmpty {
                note(StageFailure(problems.joined(separator: "\nposebus up: "), exitCode: .failure))
            }
        } catch {
            // Where a stage could not start there may be no store to tell of: then its reason is the news.
            if failure.withLock({ $0 }) == nil { note(StageFailure("\(error)", exitCode: .ioError)) }
        }
        for run in runs {
            if let warning = run.status.warning { printError("\(run.stream): \(warning)") }
        }
        guard let failure = failure.withLock({ $0 }) else { return .success }
        printError("posebus up: \(failure)")
        return failure.exitCode
    }
}
