public import ArgumentParser
internal import Bodies
internal import Exports
internal import Foundation
internal import Messages
internal import Stage
public import Store
internal import Weights

/// `posebus export`: a store's outcomes in a form other programs read.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a store's outcomes in a form that other programs read.",
        discussion: ExportFormat.allCases.map { format in
            let name = format.rawValue + ":" + String(repeating: " ", count: 9 - format.rawValue.count)
            return name + format.summary
        }.joined(separator: "\n") + """


            Without --out, json, csv and coco go to standard output; the others need it. npz, bvh, obj, ply and openpose write a \
            folder; glb, phalp and mp4 a file, or a folder of files where there is more than one session.

            The store may be in use by a running sink.
            """)

    @Option(help: "The store, as given to posebus up or posebus-sink.")
    var store: String

    @Option(help: "What is written.")
    var format = ExportFormat.json

    @Option(help: "Only this stream. Default: all, in the order in which their sessions began.")
    var stream: String?

    @Option(help: "Only this session (a UUID).")
    var session: String?

    @Option(help: "Only the person of this identity.")
    var track: UInt32?

    @Option(
        help: """
            original: as stored live (the default). latest: as posebus refine made them last, as stored where it did not. \
            N: revision N of each session.
            """)
    var revision: RevisionChoice = .original

    @Option(help: "File or folder to write. Default: standard output.")
    var out: String?

    @Option(help: "Folder of HMR2's files, for bodies. Default: $POSEBUS_HMR2, else ~/.cache/4DHumans.")
    var hmr2Dir: String?

    @Option(help: "JSON file that says where the camera stood: results are in world coordinates.")
    var cameraPose: String?

    @Option(help: "Focal length of the camera in pixels, for engines that do not know where persons stand.")
    var focalLength: Double?

    @Option(help: "Frames per second of what has a fixed rate. Default: as the capture times say.")
    var fps: Double?

    @Option(help: "The original video, for mp4 where frames were not kept.")
    var video: String?

    func validate() throws {
        if let fps, !(fps > 0 && fps <= 1000) { throw ValidationError("--fps is more than 0 and at most 1000") }
        if let focalLength, !(focalLength > 0 && focalLength.isFinite) {
            throw ValidationError("--focal-length is more than 0 pixels")
        }
        guard out == nil, !(format.shape == .file) else { return }
        throw ValidationError(
            "--format \(format.rawValue) writes \(format.isFolder ? "many files: --out names their folder" : "a file: --out names it")"
        )
    }

    func run() throws {
        do {
            try write()
        } catch let error as ExportError {
            throw failure(error.description, error.kind.exitCode)
        } catch let error as StoreError {
            throw failure(error.description, .ioError)
        } catch let error as StreamName.Invalid {
            throw failure("--stream: \(error)", .validationFailure)
        } catch let error as StageFailure {
            throw failure(error.description, error.exitCode)
        } catch {
            throw failure("\(error)", .failure)
        }
    }

    private func write() throws {
        let reader = try StoreReader(path: store)
        let sessions = try SessionSelection(stream: stream, session: session).sessions(reader)
        let recordings = try sessions.map {
            StoreRecording(reader: reader, record: $0, revision: try reader.revision(revision, of: $0))
        }
        let total = sessions.reduce(0) { $0 + $1.poses + $1.drops }
        let hmr2 = HMR2Folder.chosen(hmr2Dir)
        let options = ExportOptions(
            body: { try BodyModel(hmr2) },
            cameraPose: try cameraPose.map { try CameraPose(contentsOf: URL(fileURLWithPath: $0)) },
            focalLength: focalLength, frameRate: fps, video: video.map { URL(fileURLWithPath: $0) }, track: track)
        let progress = ProgressLine()
        defer { progress.clear() }
        let summary = try export(
            recordings, as: format, to: URL(fileURLWithPath: out ?? "/dev/stdout"), options: options
        ) { done in
            progress.update("exported \(done.grouped) of \(Int(total).grouped) outcomes")
        }
        progress.clear()
        for note in summary.notes { printError("note: \(note)") }
        guard let out else { return }
        let files = summary.files == 1 ? "1 file" : "\(summary.files.grouped) files"
        printError("\(out): \(files) of \(summary.outcomes.grouped) outcomes in \(sessions.count) sessions")
    }

    private func failure(_ text: String, _ code: ExitCode) -> ExitCode {
        printError("posebus export: \(text)")
        return code
    }
}

extension ExportError.Kind {
    fileprivate var exitCode: ExitCode {
        switch self {
        case .badRequest: .validationFailure
        case .unavailable: .failure
        case .inputOutput: .ioError
        }
    }
}

extension ExportFormat: ExpressibleByArgument {}

extension RevisionChoice: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }

    public var defaultValueDescription: String { description }
}
