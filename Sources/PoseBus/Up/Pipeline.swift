internal import ArgumentParser
internal import Engines
internal import Foundation
internal import Messages
internal import Security
internal import Stage
internal import Synchronization

/// One run of `posebus up`: stages, feeders and the watcher of results, from start to summary.
final class Pipeline: Sendable {
    private let runs: [FeedRun]
    private let engine: EngineKind
    private let store: String
    private let models: URL
    private let threads: Int?
    private let ephemeral: Bool
    private let joints: JointsFile?
    private let stageLogLevel: String
    private let keys: StageSecurity
    private let keyArguments: [String]

    private let progress = ProgressLine()
    private let stopped = StopSignal()
    private let failure = Mutex<StageFailure?>(nil)

    init(
        runs: [FeedRun], engine: EngineKind, store: String, models: URL, threads: Int?, ephemeral: Bool,
        joints: JointsFile?, stageLogLevel: String, keys: StageSecurity = .thisMachine, keyArguments: [String] = []
    ) {
        self.keys = keys
        self.keyArguments = keyArguments
        self.runs = runs
        self.engine = engine
        self.store = store
        self.models = models
        self.threads = threads
        self.ephemeral = ephemeral
        self.joints = joints
        self.stageLogLevel = stageLogLevel
    }

    /// Ends the run properly: sources end, stages drain.
    func stop() {
        stopped.request()
        runs.forEach { $0.cancel() }
    }

    /// Runs everything and prints the summary.
    func run() async -> ExitCode {
        let supervisor = Supervisor(
            log: { [progress] in progress.print($0) },
            onGivingUp: { [weak self] failure in
                self?.failure.withLock { $0 = $0 ?? failure }
                self?.stop()
            })
        let start = ContinuousClock.now
        let tally = ResultTally()
        do {
            let endpoints = try await startStages(supervisor)
            if runs.isEmpty {
                progress.print(
                    "running: feed frames to \(endpoints.request) (posebus feed SOURCE --to \(endpoints.request)), "
                        + "read results at \(endpoints.results); Ctrl-C ends it")
            }
            try await work(endpoints, tally, since: start)
        } catch let failure as StageFailure {
            self.failure.withLock { $0 = $0 ?? failure }
        } catch {
            self.failure.withLock { $0 = $0 ?? StageFailure("\(error)", exitCode: .failure) }
        }
        await supervisor.stop()
        progress.clear()
        return summarise(tally, took: ContinuousClock.now - start)
    }

    private struct Endpoints {
        let request: String
        let results: String
    }

    private func startStages(_ supervisor: Supervisor) async throws -> Endpoints {
        let level = ["--log-level", stageLogLevel] + keyArguments
        let sink = try await supervisor.start(
            .init(
                name: "posebus-sink", arguments: ["--store", store] + level,
                binds: [
                    ("outcomes", "--bind-outcomes", endpoint(.outcomes)),
                    ("results", "--bind-results", endpoint(.results)),
                    ("acks", "--bind-acks", endpoint(.acknowledgements)),
                    ("replay", "--bind-replay", endpoint(.replay)),
                ]))
        let infer = try await supervisor.start(
            .init(
                name: "posebus-infer",
                arguments: inferArguments(sink: sink) + level,
                binds: [("frames", "--bind", endpoint(.infer))]))
        let ingest = try await supervisor.start(
            .init(
                name: "posebus-ingest",
                arguments: ["--infer", infer["frames"] ?? "", "--acks", sink["acks"] ?? ""] + level,
                binds: [
                    ("push", "--bind-push", endpoint(.framesPush)),
                    ("request", "--bind-request", endpoint(.framesRequest)),
                    ("preview", "--bind-preview", endpoint(.preview)),
                ]))
        guard let request = ingest["request"], let results = sink["results"] else {
            throw StageFailure(
                "the stages beside posebus are of another release; build all of them", exitCode: .failure)
        }
        return Endpoints(request: request, results: results)
    }

    private func inferArguments(sink: Readiness) -> [String] {
        var arguments = ["--sink", sink["outcomes"] ?? "", "--engine", engine.rawValue, "--models", models.path]
        if let threads { arguments += ["--threads", "\(threads)"] }
        return arguments
    }

    private func endpoint(_ port: Messages.Port) -> String {
        ephemeral ? "tcp://127.0.0.1:*" : port.loopback
    }

    private func work(_ endpoints: Endpoints, _ tally: ResultTally, since start: ContinuousClock.Instant) async throws {
        let meter = RateMeter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                try await tally.collect(from: endpoints.results, access: keys.access, until: { self.isOver(tally) })
            }
            // The subscription must stand before the first result is published.
            try await tally.waitUntilSubscribed()
            for run in runs { group.addTask { [self] in await feed(run, to: endpoints) } }
            let ticker = Task { [self] in
                while !Task.isCancelled {
                    progress.update(progressText(tally, meter))
                    try await Task.sleep(for: .milliseconds(200))
                }
            }
            defer { ticker.cancel() }
            try await group.waitForAll()
        }
    }

    private func feed(_ run: FeedRun, to endpoints: Endpoints) async {
        do {
            try await run.run(to: endpoints.request, access: keys.access, joints: joints)
        } catch {
            let problem = StageFailure("\(run.stream): \(error)", exitCode: .failure)
            failure.withLock { $0 = $0 ?? problem }
            stop()
        }
    }

    /// Whether nothing more is to come: the person stopped it, or every source's session has ended in the store.
    private func isOver(_ tally: ResultTally) -> Bool {
        if stopped.isRequested {
            return runs.allSatisfy { $0.status.isDone } ? tally.hasEnded(runs.map(\.stream)) : true
        }
        return !runs.isEmpty && runs.allSatisfy(\.status.isDone) && tally.hasEnded(runs.map(\.stream))
    }

    private func progressText(_ tally: ResultTally, _ meter: RateMeter) -> String {
        let total = tally.total
        let expected = runs.compactMap(\.status.expected).reduce(0, +)
        let frames = total.poses + total.drops
        return "\(frames.grouped)\(expected > 0 ? " of \(expected.grouped)" : "") frames  "
            + "\(meter.rate(frames).fixed(1)) frames/s  \(total.withPersons.grouped) with persons  "
            + "\(total.drops.grouped) drops  \(Double(total.lastLatency).fixed(0)) ms"
    }

    private func summarise(_ tally: ResultTally, took: Duration) -> ExitCode {
        let seconds = took / .seconds(1)
        for run in runs {
            let count = tally.count(run.stream)
            let fed = run.status
            let outcomes = count.poses + count.drops
            print(
                "\(run.stream): \(fed.accepted + fed.refused) frames in, \(outcomes) outcomes out: "
                    + "\(count.poses) poses (\(count.withPersons) with persons), \(count.drops) drops"
                    + (count.reasons.isEmpty
                        ? ""
                        : " ("
                            + count.reasons.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                            .joined(separator: ", ") + ")"))
            if let warning = fed.warning { printError("\(run.stream): \(warning)") }
        }
        let total = tally.total
        let frames = total.poses + total.drops
        print(
            "\(frames) frames in \(seconds.fixed(1)) s (\((Double(frames) / max(seconds, 0.001)).fixed(1)) frames/s, "
                + "start included), stored in \(store)")
        if let failure = failure.withLock({ $0 }) {
            printError("posebus up: \(failure)")
            return failure.exitCode
        }
        return .success
    }
}
