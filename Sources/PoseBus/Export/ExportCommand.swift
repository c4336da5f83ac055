public import ArgumentParser
internal import Foundation
internal import Messages
internal import Stage
public import Store

/// `posebus export`: a store's outcomes in a form other programs read.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a store's outcomes as JSON lines or CSV, or its persons as meshes.",
        discussion: """
            json: one outcome a line, in order, drops included, exactly as subscribers receive them, or as refined.
            csv:  one row for each person of each frame; a frame without a person, or a drop, has one row with empty \
            columns. Keypoint columns are NAME_x, NAME_y (pixels), NAME_score, NAME_x3d, NAME_y3d, NAME_z3d (metres).

            obj, ply: one file for each person of each frame that --engine hmr2 saw, in the folder --out: SMPL's mesh where the \
            camera sees it, y up, metres.

            The store may be in use by a running sink.
            """)

    /// The forms this build writes.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case json, csv, obj, ply
    }

    @Option(help: "The store, as given to posebus up or posebus-sink.")
    var store: String

    @Option(help: "json, csv, obj or ply.")
    var format = Format.json

    @Option(help: "Only this stream. Default: all, in the order in which their sessions began.")
    var stream: String?

    @Option(help: "Only this session (a UUID).")
    var session: String?

    @Option(
        help: """
            original: as stored live (the default). latest: as posebus refine made them last, as stored where it did not. \
            N: revision N of each session.
            """)
    var revision: RevisionChoice = .original

    @Option(help: "File to write; for meshes, the folder. Default: standard output.")
    var out: String?

    @Option(help: "For meshes: folder of HMR2's files. Default: $POSEBUS_HMR2, else ~/.cache/4DHumans.")
    var hmr2Dir: String?

    func run() throws {
        if format == .obj || format == .ply {
            let options = [("--stream", stream), ("--session", session), ("--out", out), ("--hmr2-dir", hmr2Dir)]
            try becomeImageProgram(
                ["export", "--store", store, "--format", format.rawValue, "--revision", revision.description]
                    + options.flatMap { name, value in value.map { [name, $0] } ?? [] })
        }
        do {
            try export()
        } catch let error as StoreError {
            throw failure(error.description, .ioError)
        } catch let error as StreamName.Invalid {
            throw failure("--stream: \(error)", .validationFailure)
        } catch let error as RevisionChoice.NotFound {
            throw failure(error.description, .failure)
        } catch let error as StageFailure {
            throw failure(error.description, error.exitCode)
        }
    }

    private func export() throws {
        let reader = try StoreReader(path: store)
        let sessions = try SessionSelection(stream: stream, session: session).sessions(reader)
        let revisions = try sessions.map { try reader.revision(revision, of: $0) }
        let output = try OutcomeOutput(path: out)
        let total = sessions.reduce(0) { $0 + $1.poses + $1.drops }
        let progress = ProgressLine()
        var written: UInt64 = 0

        let skeleton = format == .csv ? try firstSkeleton(reader, sessions) : .blazepose33
        let table = OutcomeTable(skeleton)
        if format == .csv { try output.write(line: table.header) }
        for (session, revision) in zip(sessions, revisions) {
            try reader.forEachOutcome(of: session.session, revision: revision) { record in
                let outcome = try record.outcome()
                switch format {
                case .obj, .ply: break  // Written by the program that has the body model.
                case .json: try output.write(line: outcome.jsonBytes())
                case .csv:
                    guard outcome.persons.isEmpty || outcome.skeleton == skeleton.name else {
                        throw StageFailure(
                            "\(store) holds poses of \(skeleton.name) and of \(outcome.skeleton), which one table cannot "
                                + "show; choose with --stream or --session, or take --format json", exitCode: .failure)
                    }
                    for row in table.rows(outcome) { try output.write(line: row) }
                }
                written += 1
                if written.isMultiple(of: 2000) {
                    progress.update("exported \(Int(written).grouped) of \(Int(total).grouped) outcomes")
                }
            }
        }
        try output.close()
        progress.clear()
        if let out { printError("\(out): \(Int(written).grouped) outcomes of \(sessions.count) sessions") }
    }

    /// What the first person's keypoints are called; BlazePose's where there is no person at all.
    private func firstSkeleton(_ reader: StoreReader, _ sessions: [SessionRecord]) throws -> Skeleton {
        struct Found: Error { let skeleton: Skeleton }
        do {
            for session in sessions {
                try reader.forEachOutcome(of: session.session) { record in
                    let outcome = try record.outcome()
                    if !outcome.persons.isEmpty, let skeleton = Skeleton.named(outcome.skeleton) {
                        throw Found(skeleton: skeleton)
                    }
                }
            }
        } catch let found as Found {
            return found.skeleton
        }
        return .blazepose33
    }

    private func failure(_ text: String, _ code: ExitCode) -> ExitCode {
        printError("posebus export: \(text)")
        return code
    }
}

extension RevisionChoice: ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }

    public var defaultValueDescription: String { description }
}
