internal import ArgumentParser
internal import Foundation
internal import Stage
internal import Weights

/// `posebus models`: the weight files the engines need.
struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "List, fetch and verify the weight files.",
        discussion: """
            The weights are not part of PoseBus and have licences of their own (see NOTICE). `fetch` takes BlazePose's two \
            files out of Google's mediapipe package on PyPI and checks them by SHA-256. `fetch hmr2` takes the archive that \
            4D-Humans publishes; the body model SMPL, which its owners give to those who register, is put beside it with \
            `add-smpl`.
            """,
        subcommands: [List.self, Fetch.self, Verify.self, AddSMPL.self], defaultSubcommand: List.self)

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
        @Option(help: "Folder of HMR2's files. Default: $POSEBUS_HMR2, else ~/.cache/4DHumans.") var hmr2Dir: String?

        func run() {
            print("blazepose  \(folder.url.path)")
            for file in EngineKind.blazepose.weights {
                print("  \(file.name)  \(WeightState(of: file, in: folder.url))")
            }
            let hmr2 = HMR2Folder.chosen(hmr2Dir)
            print("hmr2  \(hmr2.url.path)")
            do {
                try hmr2.checkPresence()
                print("  all files are there")
            } catch {
                print("  \(error)")
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
        static let configuration = CommandConfiguration(
            abstract: "Get the weight files that are missing or altered.",
            discussion: """
                A download that was interrupted goes on where it stopped. Without network:
                  posebus models fetch hmr2 --from hmr2_data.tar.gz
                """)

        /// Whose files.
        enum Model: String, CaseIterable, ExpressibleByArgument { case blazepose, hmr2 }

        @Argument(help: "blazepose or hmr2.") var model = Model.blazepose
        @Option(help: "hmr2: another URL, or a file that was downloaded before.") var from: String?
        @Option(help: "hmr2: the SHA-256 that the archive must have.") var sha256: String?
        @Option(help: "hmr2: where to put the files. Default: $POSEBUS_HMR2, else ~/.cache/4DHumans.")
        var hmr2Dir: String?
        @OptionGroup var folder: Folder
        @Flag(help: "Fetch again even if the files are there and unaltered.") var force = false

        func validate() throws {
            if model != .hmr2, from != nil || sha256 != nil || hmr2Dir != nil {
                throw ValidationError("--from, --sha256 and --hmr2-dir belong to `posebus models fetch hmr2`")
            }
            if let sha256, sha256.count != 64 || !sha256.allSatisfy(\.isHexDigit) {
                throw ValidationError("--sha256 takes 64 hexadecimal digits")
            }
        }

        func run() throws {
            try reported("fetch") {
                switch model {
                case .blazepose: try fetchBlazePose()
                case .hmr2: try fetchHMR2()
                }
            }
        }

        private func fetchHMR2() throws {
            let target = HMR2Folder.chosen(hmr2Dir)
            if !force, from == nil, (try? target.checkPresence()) != nil {
                print("hmr2: all files are in \(target.url.path)")
                return
            }
            try HMR2Fetcher(folder: target, sha256: sha256?.lowercased()).fetch(from: from ?? HMR2Fetcher.official)
            print("hmr2: fetched into \(target.url.path)")
            if !FileManager.default.fileExists(atPath: target.smpl.path) {
                printError("One file more is needed: \(HMR2Folder.missingSMPL(target.smpl))")
            }
        }

        private func fetchBlazePose() throws {
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

/// `posebus models add-smpl`.
struct AddSMPL: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-smpl", abstract: "Check an SMPL file and put it where HMR2 looks for it.",
        discussion: """
            Register at https://smplify.is.tue.mpg.de and download basicModel_neutral_lbs_10_207_0_v1.0.0.pkl; v1.1.0 and the \
            models of women and men are read as well. Nothing in the file is run.
            """)

    @Argument(help: "The file, as its owners publish it.") var file: String
    @Option(help: "Folder of HMR2's files. Default: $POSEBUS_HMR2, else ~/.cache/4DHumans.") var hmr2Dir: String?

    func run() throws {
        try reported("add-smpl") {
            let folder = HMR2Folder.chosen(hmr2Dir)
            try folder.add(smpl: URL(fileURLWithPath: file))
            print("SMPL is in \(folder.smpl.path)")
        }
    }
}

/// Runs `body`, and says on standard error what went wrong.
private func reported(_ command: String, _ body: () throws -> Void) throws {
    do {
        try body()
    } catch let failure as StageFailure {
        printError("posebus models \(command): \(failure)")
        throw failure.exitCode
    } catch {
        printError("posebus models \(command): \(error)")
        throw ExitCode.failure
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
