public import ArgumentParser
internal import Foundation
public import Logging
public import ServiceLifecycle
internal import UnixSignals
internal import ZeroMQ

/// Why a stage cannot start or go on, with the exit status that says so to whoever started it (sysexits.h).
public struct StageFailure: Error, Sendable, CustomStringConvertible {
    /// What happened to what, why, and what to do.
    public let description: String
    /// The process's exit status.
    public let exitCode: ExitCode

    /// A failure.
    public init(_ description: String, exitCode: ExitCode) {
        self.description = description
        self.exitCode = exitCode
    }
}

extension ExitCode {
    /// An endpoint cannot be had, such as a port in use (EX_UNAVAILABLE).
    public static let unavailable = ExitCode(69)
    /// The store cannot be made or opened (EX_CANTCREAT).
    public static let cannotCreate = ExitCode(73)
    /// Reading or writing failed (EX_IOERR).
    public static let ioError = ExitCode(74)
    /// The configuration is wrong, such as a missing weight file (EX_CONFIG).
    public static let configuration = ExitCode(78)
}

/// Runs a stage's services until they end or the process is told to stop: SIGTERM and SIGINT drain and exit with 0.
///
/// - Parameters:
///   - stage: the executable's name, for messages.
///   - services: started in order, stopped in reverse order.
/// Ends the process where they end well.
///
/// - Throws: `ExitCode` once the failure is on standard error.
public func runStage(_ stage: String, logger: Logger, _ services: [any Service]) async throws {
    if ProcessInfo.processInfo.environment[supervisedVariable] != nil { stopWithSupervisor() }
    raiseFileLimit()
    Message.keepFreedMemory()
    let group = ServiceGroup(
        configuration: .init(
            services: services.map {
                .init(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup)
            },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: lifecycleLogger(of: stage)))
    do {
        try await group.run()
        // Everything of value is stored, sent or closed by now. What would follow is libraries tidying up before the
        // kernel does: libtorch's take a tenth of a second.
        fflush(nil)
        _exit(EXIT_SUCCESS)
    } catch let failure as StageFailure {
        throw report(failure, stage)
    } catch let error as ZeroMQError {
        throw report(StageFailure(error.description, exitCode: .unavailable), stage)
    }
}

/// The service group tells of every step; only what goes wrong is worth a line.
private func lifecycleLogger(of stage: String) -> Logger {
    var logger = Logger(label: "\(stage).lifecycle")
    logger.logLevel = .error
    return logger
}

/// Set in the environment of a stage whose standard input is a pipe held open by its supervisor.
public let supervisedVariable = "POSEBUS_SUPERVISED"

/// Stops this process as SIGTERM does when standard input closes: a supervisor that was killed must not leave its
/// stages behind with their ports. What they wait for may be gone as well, so they do not wait long.
private func stopWithSupervisor() {
    Thread.detachNewThread {
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) > 0 {}
        kill(getpid(), SIGTERM)
        sleep(10)
        _exit(ExitCode.unavailable.rawValue)
    }
}

/// Lets this process have as many connections as the system allows it: the usual soft limit of 1,024 descriptors is
/// what idle strangers would use up first.
private func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = min(limit.rlim_max, 65_536)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

extension StageFailure {
    /// Says so on standard error, for a failure before `runStage`.
    ///
    /// - Returns: what to exit with.
    public func reported(by stage: String) -> ExitCode { report(self, stage) }
}

func report(_ failure: StageFailure, _ stage: String) -> ExitCode {
    LogOutput.report(failure: failure.description, of: stage)
    return failure.exitCode
}
