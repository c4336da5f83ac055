internal import ArgumentParser
internal import Settings
internal import Stage
internal import Status

/// `posebus-sink`: orders, stores, acknowledges and publishes outcomes, and plays them back.
@main
struct SinkCommand: ConfiguredCommand {
    static let stage = StageKind.sink
    static let configuration = CommandConfiguration(
        commandName: "posebus-sink",
        abstract: "Store every outcome, then acknowledge and publish it.",
        discussion: """
            Receives outcomes from any number of infers, puts each session in order, commits to one SQLite file, and only \
            then acknowledges to ingest and publishes to subscribers. Prints one line when it is ready. SIGTERM stores \
            what has arrived and exits with 0.
            """,
        version: Release.version)

    @OptionGroup var options: SinkOptions

    func run() async throws {
        try options.status.checkHealth(of: .sink)
        let logger = options.logging.makeLogger(label: "posebus-sink")
        var configuration = SinkConfiguration(
            bindOutcomes: options.bindOutcomes, bindResults: options.bindResults,
            bindAcknowledgements: options.bindAcks, bindReplay: options.bindReplay, store: options.store)
        configuration.frameBytes = options.keepFrames.flatMap { $0.bytes > 0 ? $0.bytes : nil }
        configuration.security = try options.listening.security(for: "sink", logger: logger)
        let watchdog = options.liveness.startWatchdog(logger: logger)
        let status = try await options.status.start(.sink, watchdog: watchdog)
        let pulse = watchdog.watch(
            "sink", meaning: "nothing is stored, acknowledged or published; ingest keeps what it has")
        let service = ThreadService(named: "sink") { [configuration] stop in
            let sink = try SinkLoop(configuration, logger: logger, status: status.status)
            sink.pulse = pulse
            status.announce(sink.readiness)
            defer { pulse.rest() }
            try sink.run(until: stop)
        }
        try await runStage("posebus-sink", logger: logger, status.services + [service])
    }
}
