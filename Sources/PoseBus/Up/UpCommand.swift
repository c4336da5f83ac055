internal import ArgumentParser
internal import Foundation
internal import FrameSources
internal import Messages
internal import Stage
internal import Synchronization
internal import Weights
internal import ZeroMQ

/// `posebus up`: the whole pipeline on this machine.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run all stages on this machine, feed SOURCEs if any, and say what became of every frame.",
        discussion: """
            Starts posebus-sink, posebus-infer and posebus-ingest, restarts one that dies, and feeds each SOURCE as a stream of \
            its own (see `posebus help feed` for what a SOURCE can be). With SOURCEs it ends when they end; without, or with a \
            camera, it runs until Ctrl-C.

              posebus up ride.mp4
              posebus up left.mp4 right.mp4 --store session.sqlite
              posebus up 'test:?frames=300'
            """)

    @Argument(help: "Videos, folders, cameras, - or test:; each becomes a stream named after it.")
    var sources: [String] = []

    @Option(help: "blazepose or none.")
    var engine = EngineKind.blazepose

    @Option(help: "File of the store. It is made if absent, and new sessions are added if it exists.")
    var store = "posebus.sqlite"

    @Option(help: "Folder of the weight files. Default: $POSEBUS_MODELS, else ~/.local/share/posebus/models.")
    var models: String?

    @Option(help: "Threads the engine computes with. Default: half of the cores.")
    var threads: Int?

    @Flag(help: "Bind to free ports instead of 5550-5573, so that several can run beside each other.")
    var ephemeral = false

    @Option(help: "With a test: source: write the known joints to this file.")
    var joints: String?

    @Option(help: "Level of the stages' logs shown here.")
    var stageLogLevel = "warning"

    func run() async throws {
        let runs: [FeedRun]
        do {
            let names = try StreamNaming.names(for: sources)
            runs = try zip(sources, names).map { FeedRun(try FrameSourceSpec(parsing: $0), stream: $1) }
            try checkModels()
        } catch {
            printError("posebus up: \(error)")
            throw (error as? StageFailure)?.exitCode ?? .failure
        }
        let pipeline = Pipeline(
            runs: runs, engine: engine, store: store, models: modelsFolder, threads: threads, ephemeral: ephemeral,
            joints: try joints.map { try JointsFile(path: $0) }, stageLogLevel: stageLogLevel)
        let status = Mutex<ExitCode>(.success)
        try await withInterrupt {
            pipeline.stop()
        } while: {
            let code = await pipeline.run()
            status.withLock { $0 = code }
        }
        let code = status.withLock { $0 }
        if code != .success { throw code }
    }

    private var modelsFolder: URL {
        models.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? ModelsFolder.standard()
    }

    /// Says at once what a stage would say after its start.
    private func checkModels() throws {
        guard engine == .blazepose else { return }
        do {
            try WeightState.check(in: modelsFolder)
        } catch {
            throw StageFailure("\(error)", exitCode: .configuration)
        }
    }
}
