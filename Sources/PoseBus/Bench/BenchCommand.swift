internal import ArgumentParser
internal import Foundation
internal import Stage

/// `posebus bench`: measurements anybody can repeat.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure PoseBus on this machine.",
        subcommands: [Bus.self, Sink.self, JPEG.self, Tracker.self, SMPL.self, HMR2.self])

    struct HMR2: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "hmr2", abstract: "Time and memory of engine hmr2.",
            discussion: "`posebus bench hmr2 --help` says the rest.")

        @Argument(parsing: .captureForPassthrough, help: "Options.")
        var arguments: [String] = []

        func run() throws { try becomeImageProgram(["bench"] + arguments) }
    }

    struct SMPL: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "smpl", abstract: "Bodies a second of the SMPL body model.",
            discussion: "`posebus bench smpl --help` says the rest.")

        @Argument(parsing: .captureForPassthrough, help: "Options.")
        var arguments: [String] = []

        func run() throws { try becomeImageProgram(["bench-smpl"] + arguments) }
    }

    struct Bus: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Frames a second through ingest, infer (engine none) and sink, with the store on.",
            discussion: """
                Starts the three stages as processes on loopback TCP, feeds JPEGs as fast as they are confirmed and reports \
                frames a second, CPU time a frame, the latency from sending a frame to receiving its outcome, and each \
                process's memory. The image takes two hops, from the feeder to ingest and on to infer, as in a pipeline that \
                keeps no frames; with --forward-frames infer hands it on to the sink too. The feeders and the subscriber run \
                in this process and compete for the same cores.
                """)

        @Option(help: "How long to measure, after a warm-up of two seconds.")
        var seconds = 60

        @Option(help: "Streams that are fed at once.")
        var streams = 4

        @Option(help: "About how many bytes a JPEG has.")
        var bytes = 100_000

        @Option(help: "Frames a second of each stream. Default: as many as are confirmed.")
        var rate: Double?

        @Flag(help: "Infer hands each image on to the sink, as it does where frames are kept.")
        var forwardFrames = false

        @Flag(help: "Print the figures as one JSON object.")
        var json = false

        @Option(help: "Frames each feeder may have unanswered.")
        var outstanding = 16

        @Option(help: "Where the store is written during the measurement. Default: a temporary folder.")
        var folder: String?

        func validate() throws {
            guard seconds > 0, streams > 0, rate ?? 1 > 0, (1...64).contains(outstanding),
                (5_000...4_000_000).contains(bytes)
            else {
                throw ValidationError(
                    "--seconds, --streams and --rate must be positive, --outstanding 1 to 64, --bytes 5000 to 4000000")
            }
        }

        func run() async throws {
            let work = URL(fileURLWithPath: folder ?? NSTemporaryDirectory())
                .appendingPathComponent("posebus-bench-\(getpid())")
            try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: work) }
            do {
                let figures = try await BusBench(
                    seconds: seconds, streams: streams, imageBytes: bytes, rate: rate, outstanding: outstanding,
                    forwardsFrames: forwardFrames, store: work.appendingPathComponent("bench.sqlite").path
                ).run()
                print(json ? try figures.json : figures.text)
            } catch let failure as StageFailure {
                printError("posebus bench: \(failure)")
                throw failure.exitCode
            }
        }
    }
}
