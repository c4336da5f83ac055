package import ArgumentParser
internal import JPEG
internal import Messages
package import Stage
package import Weights

/// What can be chosen about infer.
package struct InferOptions: ParsableArguments {
    @Option(help: "Endpoint to bind for frames from ingest.")
    package var bind = Port.infer.loopback

    @Option(help: "Endpoint of the sink's outcomes.")
    package var sink = Port.outcomes.loopback

    @Option(help: ArgumentHelp(EngineKind.help))
    package var engine = EngineKind.blazepose

    @Option(
        help: "Folder of the weight files. Default: $POSEBUS_MODELS, else ~/.local/share/posebus/models.",
        completion: .directory)
    package var models: String?

    @Option(help: "Most frames the engine takes at once, each of another stream.")
    package var maxBatch = 16

    @Option(help: "Longest wait, in milliseconds, for the frames of other active streams to fill a batch.")
    package var maxWaitMs = 3.0

    @Option(help: "Threads that decode images. Default: half of the cores.")
    package var decodeThreads: Int?

    @Option(
        help: """
            Threads the engine computes with. Default: half of the cores, but two where there are two, as the other half \
            decodes, feeds and stores; all of them for hmr2, beside which that is nothing.
            """)
    package var threads: Int?

    @Option(help: "Most frames in hand at once; beyond it no frame is read from ingest.")
    package var maxInHand = 256

    @Option(help: "Largest image in bytes.")
    package var maxImageBytes = JPEGLimits().bytes

    @Option(help: "Largest image in pixels.")
    package var maxPixels = JPEGLimits().pixels

    @Flag(help: "Send each frame's JPEG on to the sink with its outcome.")
    package var forwardFrames = false

    @Option(help: "The engine counts as stuck after so long on one batch; on its first one after ten times as long.")
    package var enginePatienceSeconds = 60.0

    @Option(
        help: ArgumentHelp(
            "Fault injection for tests: crash@N or hang@N happens when the engine is given its feeder's frame N.",
            visibility: .hidden))
    package var injectFault: InjectedFault?

    @OptionGroup(title: "HMR2") package var settings: EngineSettings
    @OptionGroup package var liveness: LivenessOptions
    @OptionGroup package var listening: ListeningOptions
    @OptionGroup(title: "Status") package var status: StatusOptions
    @OptionGroup package var configuration: ConfigurationOptions
    @OptionGroup package var logging: LoggingOptions

    package init() {}

    package func validate() throws {
        for (name, value) in [
            ("--max-batch", maxBatch), ("--max-in-hand", maxInHand), ("--decode-threads", decodeThreads ?? 1),
            ("--threads", threads ?? 1), ("--max-image-bytes", maxImageBytes), ("--max-pixels", maxPixels),
        ] where value < 1 {
            throw ValidationError("\(name) must be at least 1")
        }
        guard (0.1...1e6).contains(enginePatienceSeconds) else {
            throw ValidationError("--engine-patience-seconds must be from 0.1 to 1000000")
        }
        guard maxWaitMs >= 0, maxWaitMs <= 1000 else { throw ValidationError("--max-wait-ms must be from 0 to 1000") }
    }
}

extension EngineKind: ExpressibleByArgument {}
