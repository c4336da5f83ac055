package import ArgumentParser
internal import Messages
package import Stage

/// What can be chosen about the sink.
package struct SinkOptions: ParsableArguments {
    @Option(help: "Endpoint to bind for outcomes from infer (PULL).")
    package var bindOutcomes = Port.outcomes.loopback

    @Option(help: "Endpoint to bind for results to subscribers (XPUB).")
    package var bindResults = Port.results.loopback

    @Option(help: "Endpoint to bind for acknowledgements to ingest (XPUB).")
    package var bindAcks = Port.acknowledgements.loopback

    @Option(help: "Endpoint to bind for replay of stored outcomes (ROUTER).")
    package var bindReplay = Port.replay.loopback

    @Option(
        help: "The store, an SQLite file on a local disk. Made where there is none; its folder must exist.",
        completion: .file())
    package var store = "posebus.sqlite"

    @Option(
        help: ArgumentHelp(
            """
            Keep the pictures too that posebus-infer --forward-frames sends on, up to so many bytes (500M, 2G); the oldest go \
            first. With them a recording can be looked at. Frames that ingest decoded (--payload rgb) are not kept.
            """, valueName: "bytes"))
    package var keepFrames: ByteCount?

    @OptionGroup package var listening: ListeningOptions
    @OptionGroup package var liveness: LivenessOptions
    @OptionGroup(title: "Status") package var status: StatusOptions
    @OptionGroup package var configuration: ConfigurationOptions
    @OptionGroup package var logging: LoggingOptions

    package init() {}
}
