public import ArgumentParser
internal import Foundation
public import Logging

/// What a stage does about threads that are stuck.
public struct LivenessOptions: ParsableArguments {
    @Option(
        help: """
            When a thread has not moved for 10 s: log, or exit with status 70 so that a supervisor restarts the stage. After \
            2.5 s the log says so in any case. Default: exit under posebus up and under systemd's watchdog, else log.
            """)
    var stuck: StuckAction?

    public init() {}

    /// Starts a watchdog for this process.
    public func startWatchdog(logger: Logger) -> Watchdog {
        let isSupervised = ProcessInfo.processInfo.environment[supervisedVariable] != nil
        let watchdog = Watchdog(
            action: stuck ?? (isSupervised || ServiceManager.own.watches ? .exit : .log), logger: logger,
            onAlive: {
                ServiceManager.own.alive()
                if isSupervised { FileHandle.standardOutput.write(Data((aliveLine + "\n").utf8)) }
            })
        watchdog.start()
        return watchdog
    }
}

/// What a supervised stage writes to standard output, several times a second, while all of its threads go on.
public let aliveLine = "alive"
