internal import ArgumentParser
internal import Foundation
internal import Messages
internal import Stage
internal import Store

/// `posebus export`: a store's outcomes in a form other programs read.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a store's outcomes as JSON lines or CSV.",
        discussion: """
            json: one outcome a line, in order, drops included, exactly as subscribers receive them.
            csv:  one row for each person of each frame; a frame without a person, or a drop, has one row with empty \
            columns. Keypoint columns are NAME_x, NAME_y (pixels), NAME_score, NAME_x3d, NAME_y3d, NAME_z3d (metres).

            The store may be in use by a running sink.
            """)

    /// The forms this build writes.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case json, csv
    }

    @Option(help: "The store, as given to posebus up or posebus-sink.")
    var store: String

    @Option(help: "json or csv.")
    var format = Format.json

    @Option(help: "Only this stream. Default: all, in the order in which their sessions began.")
    var stream: String?

    @Option(help: "Only this session (a UUID).")
    var session: String?

    @Option(help: "File to write. Default: standard output.")
    var out: String?

    func run() throws {
        do {
            try export()
        } catch let error as StoreError {
            throw failure(error.description, .ioError)
        } catch let error as StreamName.Invalid {
            throw failure("--stream: \(error)", .validationFailure)
        } catch let error as StageFailure {
            throw failure(error.description, error.exitCode)
        }
    }

    private func export() throws {
        let reader = try StoreReader(path: store)
        let sessions = try selectedSessions(reader)
        let output = try OutcomeOutput(path: out)
        let total = sessions.reduce(0) { $0 + $1.poses + $1.drops }
        let progress = ProgressLine()
        var written: UInt64 = 0

        let table = OutcomeTable()
        if format == .csv { try output.write(line: table.header) }
        for session in sessions {
            try reader.forEachOutcome(of: session.session) { record in
                let outcome = try record.outcome()
                switch format {
                case .json: try output.write(line: outcome.jsonBytes())
                case .csv: for row in table.rows(outcome) { try output.write(line: row) }
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

    private func selectedSessions(_ reader: StoreReader) throws -> [SessionRecord] {
        let streamName = try stream.map { try StreamName($0) }
        var sessions = try reader.sessions(of: streamName)
        if let session {
            guard let id = SessionID(session) else {
                throw StageFailure("--session \(session): not a UUID", exitCode: .validationFailure)
            }
            sessions = sessions.filter { $0.session == id }
        }
        if sessions.isEmpty, stream != nil || session != nil {
            let known = try Set(reader.sessions().map(\.stream.description)).sorted()
            throw StageFailure(
                "\(store) holds no such session; its streams are: \(known.isEmpty ? "none" : known.joined(separator: ", "))",
                exitCode: .failure)
        }
        return sessions
    }

    private func failure(_ text: String, _ code: ExitCode) -> ExitCode {
        printError("posebus export: \(text)")
        return code
    }
}
