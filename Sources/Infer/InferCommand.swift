internal import ArgumentParser
internal import Engines
internal import Foundation
internal import JPEG
internal import Logging
internal import Settings
internal import Stage
internal import Status
internal import Tensor
internal import Weights

/// `posebus-infer`: the GPU stage. Decodes frames, runs the engine over batches of streams, emits one outcome a frame.
@main
struct InferCommand: ConfiguredCommand {
    static let stage = StageKind.infer
    static let configuration = CommandConfiguration(
        commandName: "posebus-infer",
        abstract: "Turn frames into poses: one outcome for every frame.",
        discussion: """
            Binds a PULL socket for frames from any number of ingests and sends outcomes to one sink. Prints one line when \
            the models are loaded and frames can come. SIGTERM finishes what is in hand and exits with 0.
            """,
        version: Release.version)

    @OptionGroup var options: InferOptions

    func run() async throws {
        try options.status.checkHealth(of: .infer)
        let logger = options.logging.makeLogger(label: "posebus-infer")
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let settings = options.settings
        var engine = EngineOptions(
            models: options.models.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? ModelsFolder.standard(),
            threads: options.threads ?? (options.engine == .hmr2 ? cores : min(cores, max(2, cores / 2))))
        do {
            if options.engine.usesTorch {
                letWaitingThreadsSleep()
                if let warning = try TorchRuntime.open(settings.torch) { logger.warning("\(warning)") }
                try engine.apply(
                    hmr2Dir: settings.hmr2Dir, phalpDir: settings.phalpDir, device: settings.device,
                    precision: settings.precision, focalLengths: settings.focalLengthsByStream)
            }
            engine.smooths = settings.smooth
        } catch {
            logger.critical("\(error)")
            throw ExitCode.configuration
        }
        var configuration = InferConfiguration(
            bind: options.bind, sink: options.sink, engine: options.engine, engineOptions: engine,
            maxBatch: options.maxBatch, maxWait: .microseconds(Int(options.maxWaitMs * 1000)),
            decodeThreads: options.decodeThreads ?? max(1, cores / 2),
            maxInHand: options.maxInHand,
            imageLimits: JPEGLimits(bytes: options.maxImageBytes, pixels: options.maxPixels),
            forwardsFrames: options.forwardFrames)
        configuration.security = try options.listening.security(for: "infer", logger: logger)
        configuration.enginePatience = .milliseconds(Int64(options.enginePatienceSeconds * 1000))
        configuration.fault = options.injectFault
        let watchdog = options.liveness.startWatchdog(logger: logger)
        let status = try await options.status.start(.infer, watchdog: watchdog)
        let service = InferService(configuration, logger: logger, watchdog: watchdog, status: status)
        try await runStage("posebus-infer", logger: logger, status.services + [service])
    }
}
