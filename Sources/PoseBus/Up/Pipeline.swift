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
    /// Whether it goes on after the sources.
    private let stays: Bool

    private let progress = ProgressLine()
    private let tally = ResultTally()
    private let counting = Mutex<Task<Void, any Error>?>(nil)
    private let isInferReady = Latch()
    /// Where the viewer is, once it is.
    private let viewer = Mutex<String?>(nil)
    /// Open once the person, or a failure, has ended the run.
    private let stopped = Latch()
    /// Open once nobody wants to wait any more.
    private let hurried = Latch()
    private let failure = FailureNote()
    private let ingestDeaths = Atomic<Int>(0)

    /// Open once the sources have ended and the run stays: there is no progress to show any more.
    private let isResting = Latch()
    /// How many outcomes the summary told of that is printed already.
    private let told = Mutex<UInt64?>(nil)

    /// How long a run that was stopped may take to store what was accepted.
    private static let patience = Duration.seconds(30)

    init(runs: [FeedRun], plans: StagePlans, store: String, joints: JointsFile?, keys: StageSecurity, stays: Bool) {
        self.runs = runs
        self.plans = plans
        self.store = store
        self.joints = joints
        self.keys = keys
        self.stays = stays
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
                if !isResting.isOpen { progress.update(progressText(meter)) }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        do {
            try await work(supervisor, account, since: start)
        } catch {
            note(error as? StageFailure ?? StageFailure("\(error)", exitCode: .failure))
            runs.forEach { $0.cancel() }
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
    private func work(
        _ supervisor: Supervisor, _ account: RunAccount, since start: ContinuousClock.Instant
    ) async throws {
        for run in runs { run.readAhead() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                _ = try await supervisor.start(plans.infer)
                isInferReady.open()
            }
            async let sink = supervisor.start(plans.sink)
            let ingest = try await supervisor.start(plans.ingest)
            guard let request = ingest["request"], let results = try await sink["results"] else {
                throw StageFailure.otherRelease
            }
            if let gateway = try plans.gateway(sink: try await sink, ingest: ingest) {
                group.addTask { [self] in await openViewer(gateway, supervisor) }
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
        guard stays, !runs.isEmpty, !stopped.isOpen else { return }
        await waitUntilStored(account)
        guard !stopped.isOpen else { return }
        isResting.open()
        progress.clear()
        tell(account, took: ContinuousClock.now - start)
        fflush(nil)  // Where standard output is no terminal, it would be told at the end.
        progress.print(
            (viewer.withLock { $0 }.map { "look at it: \($0)\n" } ?? "") + "everything goes on running; Ctrl-C ends it")
        await stopped.wait()
    }

    /// Starts the gateway. Without it everything else goes on.
    private func openViewer(_ plan: Supervisor.Plan, _ supervisor: Supervisor) async {
        do {
            let address = try await supervisor.start(plan)["http"]
            viewer.withLock { $0 = address }
            if let address { progress.print("viewer: \(address)") }
        } catch is CancellationError {
        } catch {
            progress.print(
                "no viewer: \(error). The stages go on without it; --http HOST:PORT chooses another address")
        }
    }

    /// Waits until every outcome of what was fed is in the store. Where ingest died with frames of its own that never
    /// happens: then until nothing has been stored for a while.
    private func waitUntilStored(_ account: RunAccount) async {
        var (stored, changed) = (UInt64(0), ContinuousClock.now)
        while !stopped.isOpen, ContinuousClock.now - changed < Self.patience {
            let streams = (try? account.streams(fed: runs.map { ($0.stream, $0.status) })) ?? []
            let fed = streams.filter { $0.fed != nil }
            if !fed.isEmpty, fed.allSatisfy({ $0.problems(ingestDied: false).isEmpty && !$0.sessions.isEmpty }) {
                return
            }
            let now = fed.reduce(0) { $0 + $1.outcomes }
            if now != stored { (stored, changed) = (now, .now) }
            try? await Task.sleep(for: .milliseconds(100))
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
        // Before the sink: whoever looks on from a browser may do so until the last outcome.
        await supervisor.end(StagePlans.gatewayName)
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
        self.failure.note(failure)
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

    /// Says what became of every frame, from what is in the store, unless that has been said already.
    private func tell(_ account: RunAccount, took: Duration) {
        do {
            let streams = try account.streams(fed: runs.map { ($0.stream, $0.status) })
            let frames = streams.reduce(0) { $0 + $1.outcomes }
            let isNew = told.withLock { told in
                defer { told = frames }
                return told != frames
            }
            // A run that came to nothing has a reason, which is told below.
            if isNew, frames > 0 || failure.failure == nil {
                for stream in streams { print(stream.line) }
                let seconds = took / .seconds(1)
                let rate = " (\((Double(frames) / max(seconds, 0.001)).fixed(1)) frames/s, start included)"
                // Beside a viewer the time is the person's, not the machine's.
                let hasRested = isResting.isOpen && stopped.isOpen
                print(
                    "\(frames) frames" + (hasRested ? "" : " in \(seconds.fixed(1)) s\(isLive ? "" : rate)")
                        + ", stored in \(store)")
            }
            let problems = streams.flatMap { $0.problems(ingestDied: ingestDeaths.load(ordering: .relaxed) > 0) }
            if !problems.isEmpty {
                note(StageFailure(problems.joined(separator: "\nposebus up: "), exitCode: .failure))
            }
        } catch {
            // Where a stage could not start there may be no store to tell of: then its reason is the news.
            if failure.failure == nil { note(StageFailure("\(error)", exitCode: .ioError)) }
        }
    }

    /// Says how it went.
    private func summarise(_ account: RunAccount, took: Duration) -> ExitCode {
        tell(account, took: took)
        for run in runs {
            if let warning = run.status.warning { printError("\(run.stream): \(warning)") }
        }
        guard let failure = failure.failure else { return .success }
        printError("posebus up: \(failure)")
        return failure.exitCode
    }
}
