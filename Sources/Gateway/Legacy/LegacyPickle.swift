internal import Client
internal import Exports
internal import Foundation
internal import Jobs
internal import ZeroMQ

/// PHALP's own file of a video, which the old service left on its disk and named in `pkl_path`.
///
/// It is made when it is first asked for, in the state folder, and only where the engine fits bodies: PHALP's form has no place
/// for anything else. The newest are kept.
struct LegacyPickle: Sendable {
    private let folder: URL
    private let replay: String
    private let context: Context
    private let meshes: MeshMaker

    private static let kept = 100

    init(_ services: GatewayServices) {
        folder = services.configuration.state.appending(path: "results", directoryHint: .isDirectory)
        replay = services.configuration.replay
        context = services.context
        meshes = services.meshes
    }

    /// Where the file of a job is; nil where there is none to be had.
    func path(of job: Job) async -> String? {
        guard let session = job.session else { return nil }
        let file = folder.appending(path: "\(job.id).pkl")
        if FileManager.default.fileExists(atPath: file.path) { return file.path }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try await runOnThread(named: "pickle") { [replay, context, meshes] in
                let recording = BusRecording(
                    stream: job.stream, session: session, revision: "original",
                    archive: Archive(at: replay, in: context))
                var options = ExportOptions()
                options.body = { try meshes.body() }
                _ = try export([recording], as: .phalp, to: file, options: options)
            }
        } catch {
            // Nobody in it has a body, or the body model's files are not here: the frames in the answer are what there is.
            return nil
        }
        prune()
        return file.path
    }

    private func prune() {
        let files = try? FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: [.contentModificationDateKey])
        let dated = (files ?? []).map { file in
            (file, (try? file.resourceValues(forKeys: [.contentModificationDateKey]))?.contentModificationDate)
        }
        let oldest = dated.sorted { ($0.1 ?? .distantPast) < ($1.1 ?? .distantPast) }.dropLast(Self.kept)
        for (file, _) in oldest { try? FileManager.default.removeItem(at: file) }
    }
}
