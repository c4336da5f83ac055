package import Logging
internal import Synchronization

/// How many lines of each level this process has logged: what `posebus_log_messages_total` says.
package enum LogTally {
    private static let warnings = Atomic<Int>(0)
    private static let errors = Atomic<Int>(0)
    private static let criticals = Atomic<Int>(0)

    /// Lines so far. Levels below warning are not counted: they say that all is well.
    package static func count(of level: Logger.Level) -> Int {
        counter(level) { $0.load(ordering: .relaxed) } ?? 0
    }

    static func add(_ level: Logger.Level) {
        _ = counter(level) { $0.add(1, ordering: .relaxed) }
    }

    private static func counter<Result>(
        _ level: Logger.Level, _ body: (borrowing Atomic<Int>) -> Result
    ) -> Result? {
        switch level {
        case .warning: body(warnings)
        case .error: body(errors)
        case .critical: body(criticals)
        default: nil
        }
    }
}

/// Counts what another handler writes.
package struct TallyingLogHandler<Base: LogHandler>: LogHandler {
    private var base: Base

    package init(_ base: Base) {
        self.base = base
    }

    package func log(event: LogEvent) {
        LogTally.add(event.level)
        base.log(event: event)
    }

    package var logLevel: Logger.Level {
        get { base.logLevel }
        set { base.logLevel = newValue }
    }

    package var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    package var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }
}
