internal import ArgumentParser
internal import Foundation
internal import Spawning
internal import Stage

/// Keeps stages running on this machine: starts them, restarts one that dies on the endpoints it had, and stops them.
///
/// A stage that cannot be started, or that dies again and again, ends them all, with the stage's own reason; one that the
/// frames do not pass through (`isEssential` false) only ends itself.
actor Supervisor {
    /// A stage and how it is started.
    struct Plan: Sendable {
        /// The executable.
        let name: String
        /// Options other than the endpoints it binds.
        let arguments: [String]
        /// Option and endpoint of everything it binds, by the name in its ready line.
        var binds: [(name: String, option: String, endpoint: String)]
        /// Whether the others have nothing to do without it.
        var isEssential = true
    }

    private struct Running {
        var plan: Plan
        var process: StageProcess?
        var recentDeaths: [ContinuousClock.Instant] = []
        /// It is to end: its end is no death.
        var isEnding = false
    }

    private var stages: [String: Running] = [:]
    private var hasGivenUp = false
    private var silent: Set<Int32> = []
    private var lookout: Task<Void, Never>?
    private let log: @Sendable (String) -> Void
    private let onDeath: @Sendable (String) -> Void
    private let onGivingUp: @Sendable (StageFailure) -> Void

    /// After so long without a sign of life the log says so, and after so long a stage is killed, to be restarted. A stage
    /// with a stuck thread ends itself before.
    private static let silence = (warning: Duration.milliseconds(2500), limit: Duration.seconds(12))

    /// How many deaths within a minute make a restart pointless.
    private static let deathsAMinute = 5
    /// How long stages may take to end once there is nothing left to wait for.
    private static let lastPatience = Duration.seconds(2)

    /// A supervisor without stages.
    ///
    /// - Parameters:
    ///   - onDeath: called with the name of a stage that died and will be restarted.
    ///   - onGivingUp: called once, when a stage cannot be started or kept alive.
    init(
        log: @escaping @Sendable (String) -> Void, onDeath: @escaping @Sendable (String) -> Void,
        onGivingUp: @escaping @Sendable (StageFailure) -> Void
    ) {
        self.log = log
        self.onDeath = onDeath
        self.onGivingUp = onGivingUp
    }

    /// Starts a stage and waits until it is ready. From then on it is restarted when it dies.
    ///
    /// - Returns: where it listens.
    /// - Throws: what kept it from being ready; then all are being ended, where it is essential.
    func start(_ plan: Plan) async throws -> Readiness {
        guard !hasGivenUp else { throw CancellationError() }
        stages[plan.name] = Running(plan: plan)
        do {
            let (process, readiness) = try await launch(plan.name)
            // A restart must come back where the others look for it: wildcard ports become the ports they got.
            for (index, bind) in plan.binds.enumerated() {
                if let endpoint = readiness[bind.name] { stages[plan.name]?.plan.binds[index].endpoint = endpoint }
            }
            keepAlive(plan.name, process)
            if lookout == nil { lookout = Task { [weak self] in await self?.lookOut() } }
            return readiness
        } catch {
            let isEnding = stages[plan.name]?.isEnding ?? true
            if !plan.isEssential {
                stages[plan.name] = nil
            } else if !isEnding {
                giveUp(error as? StageFailure ?? StageFailure("\(plan.name): \(error)", exitCode: .failure))
            }
            throw error
        }
    }

    /// Tells a stage to drain and waits for its end; the others are kept alive meanwhile.
    ///
    /// - Returns: how it ended; nil where it does not run.
    @discardableResult
    func end(_ name: String) async -> ProcessEnd? {
        stages[name]?.isEnding = true
        guard let process = stages[name]?.process else { return nil }
        process.terminate()
        return await process.end()
    }

    /// Ends a stage at once.
    func kill(_ name: String) {
        stages[name]?.isEnding = true
        stages[name]?.process?.kill()
    }

    /// Starts the process of a stage and waits until it is ready.
    private func launch(_ name: String) async throws -> (StageProcess, Readiness) {
        guard let plan = stages[name]?.plan else { throw CancellationError() }
        let process = try StageProcess(
            name, plan.arguments + plan.binds.flatMap { [$0.option, $0.endpoint] }, onLog: log)
        stages[name]?.process = process
        let readiness = try await process.start()
        // It may have been told to end before there was a process to tell.
        if !isWanted(name) { process.terminate() }
        return (process, readiness)
    }

    private func keepAlive(_ name: String, _ process: StageProcess) {
        Task {
            let end = await process.end()
            await replace(name, whichEnded: "\(end)", end.exitCode)
        }
    }

    /// Notices stages that are frozen: stopped by a signal, or so stuck that not even their watchdog runs.
    private func lookOut() async {
        var before = ContinuousClock.now
        var grace = ContinuousClock.now
        while !hasGivenUp, stages.contains(where: { $0.value.process != nil || !$0.value.isEnding }),
            (try? await Task.sleep(for: .milliseconds(250))) != nil
        {
            let now = ContinuousClock.now
            // Where this loop itself was held up, everybody was: nobody can have said anything.
            if now - before > .seconds(2) { grace = now }
            before = now
            for stage in stages.values.compactMap(\.process) {
                guard let silence = stage.silence.map({ min($0, now - grace) }) else { continue }
                if silence < Self.silence.warning {
                    if silent.remove(stage.processID) != nil { log("\(stage.name) goes on") }
                    continue
                }
                if silent.insert(stage.processID).inserted {
                    log(
                        "\(stage.name) shows no sign of life: it is stopped or stuck, and what it has to do waits. If that "
                            + "lasts \(Self.silence.limit) it is restarted")
                }
                if silence >= Self.silence.limit {
                    log("\(stage.name) is killed, to be restarted")
                    silent.remove(stage.processID)
                    stage.kill()
                }
            }
        }
    }

    private func isWanted(_ name: String) -> Bool {
        !hasGivenUp && stages[name]?.isEnding == false
    }

    /// Restarts a stage that died, until it is ready or dies too often.
    private func replace(_ name: String, whichEnded how: String, _ exitCode: ExitCode) async {
        var (how, exitCode) = (how, exitCode)
        while isWanted(name) {
            let now = ContinuousClock.now
            let deaths = (stages[name]?.recentDeaths ?? []).filter { now - $0 < .seconds(60) } + [now]
            stages[name]?.recentDeaths = deaths
            stages[name]?.process = nil
            guard deaths.count < Self.deathsAMinute else {
                let account = "\(name) died \(deaths.count) times within a minute; at last it \(how)"
                if stages[name]?.plan.isEssential == false {
                    log(account + ". The others go on without it")
                    stages[name] = nil
                } else {
                    giveUp(StageFailure(account, exitCode: exitCode))
                }
                return
            }
            log("\(name) \(how); it is restarted")
            onDeath(name)
            if deaths.count > 1 { try? await Task.sleep(for: .milliseconds(100 << deaths.count)) }
            guard isWanted(name) else { return }
            do {
                keepAlive(name, try await launch(name).0)
                return
            } catch {
                how = "could not be restarted (\(error))"
                exitCode = (error as? StageFailure)?.exitCode ?? .failure
            }
        }
    }

    /// Ends everything: without one stage the others have nothing to wait for.
    private func giveUp(_ failure: StageFailure) {
        guard !hasGivenUp else { return }
        hasGivenUp = true
        onGivingUp(failure)
        for name in stages.keys { endSoon(name) }
    }

    /// Ends a stage within `lastPatience`.
    private func endSoon(_ name: String) {
        stages[name]?.isEnding = true
        guard let process = stages[name]?.process else { return }
        process.terminate()
        Task {
            try await Task.sleep(for: Self.lastPatience)
            process.kill()
        }
    }
}
