internal import ArgumentParser
internal import Logging
internal import Stage

/// The ingest stage's process.
@main
struct IngestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posebus-ingest",
        abstract: "Accepts camera frames, numbers them and keeps each until its outcome is stored.",
        discussion: """
            Feeders send [JSON header][image]: PUSH to --bind-push (unanswered), REQ or DEALER to --bind-request \
            (answered OK or ERR <reason>). imagezmq senders work unchanged. Ends on SIGTERM once everything is \
            acknowledged, at most after --drain-seconds.
            """)

    @OptionGroup var options: IngestOptions
    @OptionGroup var listening: ListeningOptions
    @OptionGroup var logging: LoggingOptions

    func run() async throws {
        let logger = logging.makeLogger(label: "posebus-ingest")
        var configuration = try options.configuration()
        configuration.security = try listening.security(for: "ingest", logger: logger)
        try await runStage("posebus-ingest", logger: logger, [ingestService(configuration, logger: logger)])
    }
}
