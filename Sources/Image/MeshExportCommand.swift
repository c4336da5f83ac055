internal import ArgumentParser
internal import Engines
internal import Foundation
internal import HMR2
internal import Messages
internal import Stage
internal import Store
internal import Tensor
internal import Weights

/// `posebus export --format obj|ply`: the meshes of a store's persons, made again of their SMPL parameters.
struct MeshExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a mesh file for each person of each frame.", shouldDisplay: false)

    @Option(help: "The store, as given to posebus up or posebus-sink.")
    var store: String

    @Option(help: "obj or ply.")
    var format: MeshFormat

    @Option(help: "Only this stream.")
    var stream: String?

    @Option(help: "Only this session (a UUID).")
    var session: String?

    @Option(
        help: "Folder of the files, STREAM-SEQUENCE-TRACK.obj or .ply; a second session of a stream gets -2 and so on.")
    var out: String?

    @Option(help: "original, latest or a number: which revision of each session.")
    var revision = "original"

    @Option(help: "Folder of HMR2's files.")
    var hmr2Dir: String?

    func run() throws {
        do {
            try export()
        } catch let failure as StageFailure {
            printError("posebus export: \(failure)")
            throw failure.exitCode
        } catch {
            printError("posebus export: \(error)")
            throw ExitCode.failure
        }
    }

    private func export() throws {
        guard let out else {
            throw StageFailure(
                "--format \(format.rawValue) writes many files: --out names their folder", exitCode: .validationFailure)
        }
        guard let choice = RevisionChoice(revision) else {
            throw StageFailure(
                "--revision \(revision): original, latest or a number from 1", exitCode: .validationFailure)
        }
        let reader = try StoreReader(path: store)
        let name = try stream.map { try StreamName($0) }
        let sessions = try reader.sessions(of: name).filter {
            session == nil || $0.session.description == session?.lowercased()
        }
        guard !sessions.isEmpty else { throw StageFailure("\(store) holds no such session", exitCode: .failure) }
        let body = try HMR2BodyModel(HMR2Folder.chosen(hmr2Dir))
        let folder = URL(fileURLWithPath: out, isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var runs: [StreamName: Int] = [:]
        var (written, without) = (0, 0)
        for session in sessions {
            runs[session.stream, default: 0] += 1
            let run = runs[session.stream] ?? 1
            let prefix = run == 1 ? "\(session.stream)" : "\(session.stream)-\(run)"
            let revision = try reader.revision(choice, of: session)
            try reader.forEachOutcome(of: session.session, revision: revision) { record in
                let outcome = try record.outcome()
                for person in outcome.persons {
                    guard let smpl = person.smpl else {
                        without += 1
                        continue
                    }
                    let mesh = BodyMesh(
                        vertices: try body.vertices(betas: smpl.betas, rotations: smpl.globalOrient + smpl.bodyPose),
                        triangles: body.faces)
                    let file = folder.appendingPathComponent(
                        "\(prefix)-\(outcome.frame.sequence)-\(person.trackID).\(format.rawValue)")
                    try format.bytes(mesh, translation: person.cameraTranslation ?? .zero).write(to: file)
                    written += 1
                }
            }
        }
        guard written > 0 || without == 0 else {
            throw StageFailure(
                "\(store) holds \(without) persons without a body: only poses of --engine hmr2 have meshes",
                exitCode: .failure)
        }
        printError("\(out): \(written) meshes of \(sessions.count) sessions")
    }
}
