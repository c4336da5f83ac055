internal import ArgumentParser
internal import Engines
internal import Foundation
internal import JPEG
internal import Logging
internal import Messages
internal import Stage
internal import Status
internal import Weights

/// `posebus-infer`: the GPU stage. Decodes frames, runs the engine over batches of streams, emits one outcome a frame.
@main
struct InferCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posebus-infer",
        abstract: "Turn frames into poses: one outcome for every frame.",
        discussion: """
            Binds a PULL socket for frames from any number of ingests and sends outcomes to one sink. Prints one line when \
            the models are loaded and frames can come. SIGTERM finishes what is in hand and exits with 0.
            """,
        version: Release.version)

    @Option(help: "Endpoint to bind for frames from ingest.")
    var bind = Port.infer.loopback

    @Option(help: "Endpoint of the sink's outcomes.")
    var sink = Port.outcomes.loopback

    @Option(help: ArgumentHelp(EngineKind.help))
    var engine = EngineKind.blazepose

    @Option(help: "Folder of the weight files. Default: $POSEBUS_MODELS, else ~/.local/share/posebus/models.")
    var models: String?

    @Option(help: "Most frames the engine takes at once, each of another stream.")
    var maxBatch = 16

    @Option(help: "Longest wait, in milliseconds, for the frames of other active streams to fill a batch.")
    var maxWaitMs = 3.0

    @Option(help: "Threads that decode images. Default: half of the cores.")
    var decodeThreads: Int?

    @Option(
        help: """
            Threads the engine computes with. Default: half of the cores, as the other half decodes, feeds and stores; all of \
            them for hmr2, beside which that is nothing.
            """)
    var threads: Int?

    @Option(help: "Most frames in hand at once; beyond it no frame is read from ingest.")
    var maxInHand = 256

    @Option(help: "Largest image in bytes.")
    var maxImageBytes = JPEGLimits().bytes

    @Option(help: "Largest image in pixels.")
    var maxPixels = JPEGLimits().pixels

    @Flag(help: "Send each frame's JPEG on to the sink with its outcome.")
    var forwardFrames = false

    @Option(help: "The engine counts as stuck after so long on one batch; on its first one after ten times as long.")
    var enginePatienceSeconds = 60.0

    @Option(
        help: ArgumentHelp(
            "Fault injection for tests: crash@N or hang@N happens when the engine is given its feeder's frame N.",
            visibility: .hidden))
    var injectFault: InjectedFault?

    @OptionGroup(title: "HMR2") var settings: EngineSettings
    @OptionGroup var liveness: LivenessOptions
    @OptionGroup var listening: ListeningOptions
    @OptionGroup(title: "Status") var status: StatusOptions
    @OptionGroup var logging: LoggingOptions

    func validate() throws {
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

    func run() async throws {
        try status.checkHealth(of: .infer)
        restartWithWaitingThreadsAsleep()
        let logger = logging.makeLogger(label: "posebus-infer")
        let cores = ProcessInfo.processInfo.activeProcessorCount
        var options = EngineOptions(
            models: models.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? ModelsFolder.standard(),
            threads: threads ?? (engine == .hmr2 ? cores : max(1, cores / 2)))
        do {
            try options.apply(
                hmr2Dir: settings.hmr2Dir, phalpDir: settings.phalpDir, device: settings.device,
                precision: settings.precision,
                focalLengths: settings.focalLengthsByStream)
            options.smooths = settings.smooth
        } catch {
            logger.critical("\(error)")
            throw ExitCode.configuration
        }
        var configuration = InferConfiguration(
            bind: bind, sink: sink, engine: engine, engineOptions: options,
            maxBatch: maxBatch, maxWait: .microseconds(Int(maxWaitMs * 1000)),
            decodeThreads: decodeThreads ?? max(1, cores / 2),
            maxInHand: maxInHand,
            imageLimits: JPEGLimits(bytes: maxImageBytes, pixels: maxPixels), forwardsFrames: forwardFrames)
        configuration.security = try listening.security(for: "infer", logger: logger)
        configuration.enginePatience = .milliseconds(Int64(enginePatienceSeconds * 1000))
        configuration.fault = injectFault
        let watchdog = liveness.startWatchdog(logger: logger)
        let status = try await status.start(.infer, watchdog: watchdog)
        let service = InferService(configuration, logger: logger, watchdog: watchdog, status: status)
        try await runStage("posebus-infer", logger: logger, status.services + [service])
    }
}

extension EngineKind: ExpressibleByArgument {}
