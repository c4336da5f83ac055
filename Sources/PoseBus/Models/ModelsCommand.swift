internal import ArgumentParser
internal import Foundation
internal import Weights

/// `posebus models`: the weight files the engines need.
struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "List, fetch and verify the weight files.",
        discussion: """
            The weights are not part of PoseBus and have licences of their own (see NOTICE). `fetch` takes BlazePose's two \
            files out of Google's mediapipe package on PyPI and checks them by SHA-256.
            """,
        subcommands: [List.self, Fetch.self, Verify.self], defaultSubcommand: List.self)

    /// Where the files lie.
    struct Folder: ParsableArguments {
        @Option(
            name: .customLong("models"),
            help: "Folder of the weight files. Default: $POSEBUS_MODELS, else ~/.local/share/posebus/models.")
        var path: String?

        var url: URL { path.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? ModelsFolder.standard() }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show each weight file and its state.")
        @OptionGroup var folder: Folder

        func run() {
            print("blazepose  \(folder.url.path)")
            for file in EngineKind.blazepose.weights {
                print("  \(file.name)  \(WeightState(of: file, in: folder.url))")
            }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check every weight file; exit status 0 only if all are present and unaltered.")
        @OptionGroup var folder: Folder

        func run() throws {
            var allGood = true
            for file in EngineKind.blazepose.weights {
                do {
                    try file.check(in: folder.url)
                    print("\(file.name): ok")
                } catch {
                    allGood = false
                    printError("posebus models verify: \(error)")
                }
            }
            if !allGood { throw ExitCode.failure }
        }
    }

    struct Fetch: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Get the weight files that are missing or altered.")
        @OptionGroup var folder: Folder
        @Flag(help: "Fetch again even if the files are there and unaltered.") var force = false

        func run() throws {
            let missing = EngineKind.blazepose.weights.filter { force || WeightState(of: $0, in: folder.url) != .good }
            if missing.isEmpty {
                print("blazepose: all files are in \(folder.url.path)")
                return
            }
            try WeightFetcher(folder: folder.url).fetch(missing)
            print("blazepose: fetched \(missing.map(\.name).joined(separator: ", ")) into \(folder.url.path)")
        }
    }
}

/// The state of one weight file on disk.
enum WeightState: Equatable, CustomStringConvertible {
    case good
    case missing
    case altered

    init(of file: WeightFile, in folder: URL) {
        if !FileManager.default.fileExists(atPath: folder.appendingPathComponent(file.name).path) {
            self = .missing
        } else {
            self =
                (try? file.check(in: folder)) == nil
                ? .altered : .good
        }
    }

    var description: String {
        switch self {
        case .good: "ok"
        case .missing: "missing (posebus models fetch gets it)"
        case .altered: "altered (posebus models fetch replaces it)"
        }
    }
}
