internal import ArgumentParser
internal import Logging
internal import Settings
internal import Stage
internal import Status

/// The ingest stage's process.
@main
struct IngestCommand: ConfiguredCommand {
    static let stage = StageKind.ingest
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

    func run() async throws {
        try options.status.checkHealth(of: .ingest)
        let logger = options.logging.makeLogger(label: "posebus-ingest")
        var configuration = try options.configuration()
        configuration.security = try options.listening.security(for: "ingest", logger: logger)
        let watchdog = options.liveness.startWatchdog(logger: logger)
        let status = try await options.status.start(.ingest, watchdog: watchdog)
        let pulse = watchdog.watch(
            "ingest", meaning: "no frame is accepted, sent on or acknowledged; feeders wait")
        try await runStage(
            "posebus-ingest", logger: logger,
            status.services + [ingestService(configuration, logger: logger, pulse: pulse, status: status)])
    }
}
