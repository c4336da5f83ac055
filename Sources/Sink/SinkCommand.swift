internal import ArgumentParser
internal import Messages
internal import Stage
internal import Status

/// `posebus-sink`: orders, stores, acknowledges and publishes outcomes, and plays them back.
@main
struct SinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posebus-sink",
        abstract: "Store every outcome, then acknowledge and publish it.",
        discussion: """
            Receives outcomes from any number of infers, puts each session in order, commits to one SQLite file, and only \
            then acknowledges to ingest and publishes to subscribers. Prints one line when it is ready. SIGTERM stores \
            what has arrived and exits with 0.
            """,
        version: Release.version)

    @Option(help: "Endpoint to bind for outcomes from infer (PULL).")
    var bindOutcomes = Port.outcomes.loopback

    @Option(help: "Endpoint to bind for results to subscribers (XPUB).")
    var bindResults = Port.results.loopback

    @Option(help: "Endpoint to bind for acknowledgements to ingest (XPUB).")
    var bindAcks = Port.acknowledgements.loopback

    @Option(help: "Endpoint to bind for replay of stored outcomes (ROUTER).")
    var bindReplay = Port.replay.loopback

    @Option(help: "The store, an SQLite file on a local disk. Made where there is none; its folder must exist.")
    var store = "posebus.sqlite"

    @Option(
        help: ArgumentHelp(
            """
            Keep the pictures too that posebus-infer --forward-frames sends on, up to so many bytes (500M, 2G); the oldest go \
            first. With them a recording can be looked at. Frames that ingest decoded (--payload rgb) are not kept.
            """, valueName: "bytes"))
    var keepFrames: ByteCount?

    @OptionGroup var listening: ListeningOptions
    @OptionGroup var liveness: LivenessOptions
    @OptionGroup(title: "Status") var status: StatusOptions
    @OptionGroup var logging: LoggingOptions

    func run() async throws {
        try status.checkHealth(of: .sink)
        let logger = logging.makeLogger(label: "posebus-sink")
        var configuration = SinkConfiguration(
            bindOutcomes: bindOutcomes, bindResults: bindResults, bindAcknowledgements: bindAcks,
            bindReplay: bindReplay, store: store)
        configuration.frameBytes = keepFrames.flatMap { $0.bytes > 0 ? $0.bytes : nil }
        configuration.security = try listening.security(for: "sink", logger: logger)
        let watchdog = liveness.startWatchdog(logger: logger)
        let status = try await status.start(.sink, watchdog: watchdog)
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
