internal import ArgumentParser
internal import Logging
internal import Stage
internal import Status

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

            With --spool a frame is on disk before it is confirmed or sent on, and a restarted ingest goes on with the same \
            sessions. PUSH feeders and subscribed cameras are never confirmed anything: what they have sent and ingest has \
            not read yet is lost with it.
            """,
        version: Release.version)

    @OptionGroup var options: IngestOptions
    @OptionGroup var listening: ListeningOptions
    @OptionGroup var liveness: LivenessOptions
    @OptionGroup(title: "Status") var status: StatusOptions
    @OptionGroup var logging: LoggingOptions

    func run() async throws {
        try status.checkHealth(of: .ingest)
        let logger = logging.makeLogger(label: "posebus-ingest")
        var configuration = try options.configuration()
        configuration.security = try listening.security(for: "ingest", logger: logger)
        let watchdog = liveness.startWatchdog(logger: logger)
        let status = try await status.start(.ingest, watchdog: watchdog)
        let pulse = watchdog.watch(
            "ingest", meaning: "no frame is accepted, sent on or acknowledged; feeders wait")
        try await runStage(
            "posebus-ingest", logger: logger,
            status.services + [ingestService(configuration, logger: logger, pulse: pulse, status: status)])
    }
}
