public import ArgumentParser
public import Logging

/// How the lines of a log are written.
public enum LogFormat: String, Sendable, CaseIterable, ExpressibleByArgument {
    /// For people: time, level, program, what it is about, message.
    case text
    /// For programs: one JSON object a line (`JSONLogHandler`).
    case json
}

/// How a stage logs: to standard error, one line an event.
public struct LoggingOptions: ParsableArguments {
    @Option(help: "Least severe level that is logged: trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level = .info

    @Option(help: "How the log is written: text for people, or json, one object a line (docs/monitoring.md).")
    var logFormat: LogFormat = .text

    public init() {}

    /// Sets swift-log up for this process and returns the stage's logger.
    ///
    /// - Note: Call it once, first thing: swift-log is set up once a process.
    public func makeLogger(label: String) -> Logger {
        let (level, format) = (logLevel, logFormat)
        LogOutput.setFormat(format)
        LoggingSystem.bootstrap { label in
            var handler: any LogHandler
            switch format {
            case .text: handler = TallyingLogHandler(StreamLogHandler.standardError(label: label))
            case .json: handler = TallyingLogHandler(JSONLogHandler(label: label))
            }
            handler.logLevel = level
            return handler
        }
        return Logger(label: label)
    }
}

extension Logger.Level: ArgumentParser.ExpressibleByArgument {}
