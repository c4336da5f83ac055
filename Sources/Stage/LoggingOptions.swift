public import ArgumentParser
public import Logging

/// How a stage logs: to standard error, one line an event.
public struct LoggingOptions: ParsableArguments {
    @Option(help: "Least severe level that is logged: trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level = .info

    public init() {}

    /// Sets swift-log up for this process and returns the stage's logger.
    ///
    /// - Note: Call it once, first thing: swift-log is set up once a process.
    public func makeLogger(label: String) -> Logger {
        let level = logLevel
        LoggingSystem.bootstrap { label in
            var handler = TallyingLogHandler(StreamLogHandler.standardError(label: label))
            handler.logLevel = level
            return handler
        }
        return Logger(label: label)
    }
}

extension Logger.Level: ArgumentParser.ExpressibleByArgument {}
