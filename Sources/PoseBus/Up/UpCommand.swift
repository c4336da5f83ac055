internal import ArgumentParser
internal import Foundation
internal import FrameSources
internal import Messages
internal import Security
internal import Settings
internal import Stage
internal import Weights

/// `posebus up`: the whole pipeline on this machine.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run all stages on this machine, feed SOURCEs if any, and say what became of every frame.",
        discussion: """
            Starts posebus-sink, posebus-infer, posebus-ingest and posebus-gateway, restarts one that dies, and feeds each SOURCE \
            as a stream of its own (see `posebus help feed` for what a SOURCE can be). The gateway's address, which it prints, \
            shows everything in a browser. With SOURCEs it ends when they end, or stays with --stay; without, or with a camera, \
            it runs until Ctrl-C.

              posebus up ride.mp4
              posebus up left.mp4 right.mp4 --store session.sqlite
              posebus up 'test:?frames=300'
            """)

    @Argument(help: "Videos, folders, cameras, - or test:; each becomes a stream named after it.")
    var sources: [String] = []

    @Option(help: ArgumentHelp(EngineKind.help))
    var engine = EngineKind.blazepose

    @Option(help: "File of the store. It is made if absent, and new sessions are added if it exists.")
    var store = "posebus.sqlite"

    @Option(help: "Folder of the weight files. Default: $POSEBUS_MODELS, else ~/.local/share/posebus/models.")
    var models: String?

    @Option(help: "Threads the engine computes with. Default: half of the cores, at least two; all for hmr2.")
    var threads: Int?

    @Flag(help: "Bind to free ports instead of 5000 and 5550-5573, so that several can run beside each other.")
    var ephemeral = false

    @Flag(help: "When the SOURCEs have ended, go on with the viewer and for further feeders until Ctrl-C.")
    var stay = false

    @Flag(help: "Without the gateway: no viewer and no HTTP.")
    var noViewer = false

    @Option(help: "With a test: source: write the known joints to this file.")
    var joints: String?

    @Option(
        help: """
            Folder in which ingest keeps each accepted frame until its outcome is stored, so that even its own death costs \
            none. Without it ingest keeps them in memory.
            """)
    var spool: String?

    @Option(
        help: ArgumentHelp(
            "Keep the pictures beside the poses, up to so many bytes; the oldest go first. 0: none.", valueName: "bytes"
        ))
    var keepFrames = ByteCount(bytes: 2 << 30)

    @Option(help: "Level of the stages' logs shown here.")
    var stageLogLevel = "warning"

    @OptionGroup(title: "Viewer and HTTP") var viewer: ViewerOptions
    @OptionGroup(title: "HMR2") var settings: EngineSettings
    @OptionGroup(title: "Security") var security: SecurityOptions
    @OptionGroup var configuration: ConfigurationOptions

    func run() async throws {
        let keys = try security.security(for: "posebus", program: "posebus up", log: { printError($0) })
        let pipeline: Pipeline
        do {
            let names = try StreamNaming.names(for: sources)
            let specs = try sources.map { try FrameSourceSpec(parsing: $0) }
            let file = try joints.map { try JointsFile(path: $0, for: specs) }
            let folder = models.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? ModelsFolder.standard()
            // Said at once; whether they are unaltered infer says.
            for weights in engine.weights { try weights.checkPresence(in: folder) }
            if engine == .hmr2 {
                try HMR2Folder.chosen(settings.hmr2Dir).checkPresence()
                if let folder = settings.phalpDir, folder != "none" {
                    try PHALPFolder.chosen(folder).checkPresence()
                }
            }
            pipeline = Pipeline(
                runs: zip(specs, names).map { FeedRun($0, stream: $1) },
                plans: try StagePlans(
                    engine: engine, store: store, models: folder, threads: threads, settings: settings,
                    ephemeral: ephemeral,
                    spool: spool, keepFrames: keepFrames, logLevel: stageLogLevel,
                    commonArguments: security.arguments + configuration.arguments,
                    viewer: noViewer ? nil : viewer),
                store: store, joints: file, keys: keys, stays: stay)
        } catch {
            printError("posebus up: \(error)")
            throw error is WeightError ? ExitCode.configuration : (error as? StageFailure)?.exitCode ?? .failure
        }
        var code = ExitCode.success
        try await withInterrupt {
            pipeline.stop(request: $0)
        } while: {
            code = await pipeline.run()
        }
        if code != .success { throw code }
    }
}
