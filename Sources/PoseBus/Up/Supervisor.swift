internal import ArgumentParser
internal import Foundation
internal import Stage
internal import Synchronization

/// Keeps the three stages running on this machine: starts them from the sink upwards, restarts one that dies on the
/// endpoints it had, and stops them from the ingest downwards, so that each drains into one that still listens.
actor Supervisor {
    /// A stage and how it is started.
    struct Plan: Sendable {
        /// The executable.
        let name: String
        /// Options other than the endpoints it binds.
        let arguments: [String]
        /// Option and endpoint of everything it binds, by the name in its ready line.
        var binds: [(name: String, option: String, endpoint: String)]
    }

    private struct Running {
        var plan: Plan
        var process: StageProcess
        var watcher: Task<Void, Never>
        var recentDeaths: [ContinuousClock.Instant] = []
    }

    private var running: [Running] = []
    private var silent: Set<Int32> = []
    private var lookout: Task<Void, Never>?
    private var isStopping = false
    private let log: @Sendable (String) -> Void
    /// Called when a stage cannot be kept alive.
    private let onGivingUp: @Sendable (StageFailure) -> Void

    /// After so long without a sign of life the log says so, and after so long a stage is killed, to be restarted. A stage
    /// with a stuck thread ends itself before.
    private static let silence = (warning: Duration.milliseconds(2500), limit: Duration.seconds(12))

    /// How many deaths within a minute make a restart pointless.
    private static let deathsAMinute = 5

    init(log: @escaping @Sendable (String) -> Void, onGivingUp: @escaping @Sendable (StageFailure) -> Void) {
        self.log = log
        self.onGivingUp = onGivingUp
    }

    /// Starts a stage and waits until it is ready. From then on it is restarted when it dies.
    ///
    /// - Returns: where it listens.
    func start(_ plan: Plan) async throws -> Readiness {
        let (process, readiness) = try await launch(plan)
        var plan = plan
        // A restart must come back where the others look for it: wildcard ports become the ports they got.
        for index in plan.binds.indices {
            if let endpoint = readiness[plan.binds[index].name] { plan.binds[index].endpoint = endpoint }
        }
        running.append(Running(plan: plan, process: process, watcher: watch(process)))
        if lookout == nil { lookout = Task { await lookOut() } }
        return readiness
    }

    /// Stops all stages, the last started first, each after the one before it has drained.
    ///
    /// - Parameter patience: how long one stage may take before it is killed.
    func stop(patience: Duration = .seconds(30)) async {
        isStopping = true
        lookout?.cancel()
        for stage in running.reversed() {
            stage.watcher.cancel()
            stage.process.terminate()
            let reaper = Task {
                try await Task.sleep(for: patience)
                log("\(stage.process.name) did not drain within \(patience); it is killed")
                stage.process.kill()
            }
            let status = await stage.process.exitStatus()
            reaper.cancel()
            if status != 0 { log("\(stage.process.name) ended with status \(status)") }
        }
        running = []
    }

    /// Notices stages that are frozen: stopped by a signal, or so stuck that not even their watchdog runs.
    private func lookOut() async {
        var before = ContinuousClock.now
        var grace = ContinuousClock.now
        while !isStopping, (try? await Task.sleep(for: .milliseconds(250))) != nil {
            let now = ContinuousClock.now
            // Where this loop itself was held up, everybody was: nobody can have said anything.
            if now - before > .seconds(2) { grace = now }
            before = now
            for stage in running.map(\.process) {
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

    private func launch(_ plan: Plan) async throws -> (StageProcess, Readiness) {
        let process = try StageProcess(
            plan.name, plan.arguments + plan.binds.flatMap { [$0.option, $0.endpoint] }, onLog: log)
        return (process, try await process.start())
    }

    private func watch(_ process: StageProcess) -> Task<Void, Never> {
        Task {
            let status = await process.exitStatus()
            if !Task.isCancelled { await restart(process, status) }
        }
    }

    private func restart(_ dead: StageProcess, _ status: Int32) async {
        guard !isStopping, let index = running.firstIndex(where: { $0.process === dead }) else { return }
        let now = ContinuousClock.now
        running[index].recentDeaths = running[index].recentDeaths.filter { now - $0 < .seconds(60) } + [now]
        let deaths = running[index].recentDeaths.count
        let plan = running[index].plan
        guard deaths < Self.deathsAMinute else {
            onGivingUp(
                StageFailure(
                    "\(plan.name) died \(deaths) times within a minute, at last with status \(status); "
                        + "its messages stand above", exitCode: .failure))
            return
        }
        log("\(plan.name) died with status \(status); it is restarted and unconfirmed frames are sent again")
        do {
            try await Task.sleep(for: .milliseconds(200 * (1 << min(deaths - 1, 4))))
            let (process, _) = try await launch(plan)
            // The array may have changed while the stage started.
            guard let index = running.firstIndex(where: { $0.process === dead }), !isStopping else {
                process.terminate()
                return
            }
            running[index].process = process
            running[index].watcher = watch(process)
        } catch let failure as StageFailure {
            onGivingUp(failure)
        } catch {
            onGivingUp(StageFailure("\(plan.name) could not be restarted: \(error)", exitCode: .failure))
        }
    }
}
