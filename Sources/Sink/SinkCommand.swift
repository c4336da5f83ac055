internal import ArgumentParser
internal import Messages
internal import Stage

/// `posebus-sink`: the last stage.
@main
struct SinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posebus-sink",
        abstract: "Order outcomes, store them, acknowledge and publish.",
        discussion: """
            Commits groups of outcomes to one SQLite file, then acknowledges them to ingest and publishes them to \
            subscribers. Prints one line when it is ready. SIGTERM stores what has arrived and exits with 0.
            """)

    @Option(help: "Endpoint to bind for outcomes from infer.")
    var bindOutcomes = Port.outcomes.loopback

    @Option(help: "Endpoint to bind for subscribers to results.")
    var bindResults = Port.results.loopback

    @Option(help: "Endpoint to bind for ingest's subscription to acknowledgements.")
    var bindAcks = Port.acknowledgements.loopback

    @Option(help: "Endpoint to bind for replay requests.")
    var bindReplay = Port.replay.loopback

    @Option(help: "File of the store (SQLite). It is made if absent; its folder must exist.")
    var store = "posebus.sqlite"

    @Option(help: "Published messages that may wait for a slow subscriber before it misses some.")
    var subscriberHighWaterMark = 2000

    @OptionGroup var logging: LoggingOptions

    func validate() throws {
        guard subscriberHighWaterMark >= 1 else {
            throw ValidationError("--subscriber-high-water-mark must be at least 1")
        }
    }

    func run() async throws {
        let logger = logging.makeLogger(label: "posebus-sink")
        let configuration = SinkConfiguration(
            outcomes: bindOutcomes, results: bindResults, acknowledgements: bindAcks, replay: bindReplay, store: store,
            subscriberHighWaterMark: subscriberHighWaterMark)
        try await runStage("posebus-sink", logger: logger, [sinkService(configuration, logger: logger)])
    }
}
