internal import ArgumentParser
internal import Foundation
internal import Metering
public import ServiceLifecycle
public import Stage

/// A stage's status while it runs.
public struct RunningStatus: Sendable {
    /// What its threads tell.
    public let status: StageStatus
    private let server: StatusServer?

    init(_ status: StageStatus, server: StatusServer?) {
        self.status = status
        self.server = server
    }

    /// What serves it, to be run before the stage's own services, so that it ends after them.
    public var services: [any Service] { server.map { [$0] } ?? [] }

    /// Says that the stage is ready, and where: over HTTP, and in one line on standard output.
    public func announce(_ readiness: Readiness) {
        status.setReady()
        let own = server?.address.url.map { [("status", $0)] } ?? []
        Readiness(stage: readiness.stage, endpoints: readiness.endpoints + own).announce()
    }
}

extension StatusOptions {
    /// Serves the status of a stage that is about to begin.
    ///
    /// - Throws: `ExitCode` where the address cannot be had, once the reason is on standard error.
    public func start(_ kind: ServedStage, watchdog: Watchdog) async throws -> RunningStatus {
        let status = StageStatus(kind, watchdog: watchdog, patience: .seconds(progressSeconds))
        guard let place = (self.status ?? kind.address).place else { return RunningStatus(status, server: nil) }
        do {
            return RunningStatus(status, server: try await StatusServer(status, at: place))
        } catch let failure as StageFailure {
            throw failure.reported(by: kind.program)
        }
    }

    /// Asks the stage that runs with these options how it is, where `--check-health` is given; else returns.
    ///
    /// - Throws: `ExitCode`, once the answer is on standard output: success where all is well, else failure.
    public func checkHealth(of kind: ServedStage) throws {
        try health.check(kind, at: status ?? kind.address)
    }
}

extension HealthCheckOption {
    /// Asks the stage at this address how it is, where `--check-health` is given; else returns. See
    /// `StatusOptions.checkHealth`.
    public func check(_ kind: ServedStage, at address: StatusAddress) throws {
        guard checkHealth else { return }
        let (isWell, sentences) = kind.health(at: address)
        print(sentences.isEmpty ? "\(kind.name) is well" : sentences.joined(separator: "\n"))
        throw isWell ? ExitCode.success : ExitCode.failure
    }
}

extension ServedStage {
    /// Whether it is well, and what it says of itself, a sentence each.
    fileprivate func health(at address: StatusAddress) -> (isWell: Bool, sentences: [String]) {
        guard let url = address.localURL else {
            let why =
                address.place == nil
                ? "runs with --status none: nobody can ask it how it is"
                : "runs on a port that nobody knows beforehand: give it a number above 0"
            return (false, ["\(program) \(why)."])
        }
        do {
            let answer = try HTTPGet(url + "/healthz", timeout: .seconds(4))
            guard let report = HealthReport(json: answer.body), report.stage == name else {
                return (false, ["\(url) is not the status of \(program)."])
            }
            return (answer.status == 200, report.reasons)
        } catch {
            return (false, ["\(program) does not answer: \(error.description)."])
        }
    }
}
