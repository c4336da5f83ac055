internal import Foundation
internal import Messages
internal import Stage
internal import Weights

/// How the three stages of one machine are started, so that all of them can be started at once: what they meet at is
/// known before.
struct StagePlans: Sendable {
    let sink, infer, ingest: Supervisor.Plan
    /// Holds the stages' own meeting points where ports are free ones; nil with fixed ports.
    private let folder: URL?

    /// Plans.
    ///
    /// - Parameters:
    ///   - ephemeral: whether feeders and subscribers are served on free ports; the stages then meet in files.
    ///   - spool: folder where ingest keeps what is accepted; nil keeps it in memory.
    ///   - keepFrames: how many bytes of pictures the store keeps.
    ///   - logLevel: of all three.
    ///   - keyArguments: which keys all three have.
    init(
        engine: EngineKind, store: String, models: URL, threads: Int?, settings: EngineSettings, ephemeral: Bool,
        spool: String?, keepFrames: ByteCount, logLevel: String, keyArguments: [String]
    ) throws {
        // Short: the path of a local socket has at most 107 bytes.
        var template = Array("/tmp/posebus-XXXXXX".utf8CString)
        folder = ephemeral ? mkdtemp(&template).map { URL(fileURLWithPath: String(cString: $0)) } : nil
        if ephemeral, folder == nil {
            throw StageFailure("/tmp: \(String(cString: strerror(errno)))", exitCode: .cannotCreate)
        }
        let folder = folder
        func inner(_ port: Messages.Port, _ name: String) -> String {
            folder.map { "ipc://\($0.path)/\(name)" } ?? port.loopback
        }
        func outer(_ port: Messages.Port) -> String { ephemeral ? "tcp://127.0.0.1:*" : port.loopback }
        let (frames, outcomes, acks) = (
            inner(.infer, "frames"), inner(.outcomes, "outcomes"), inner(.acknowledgements, "acks")
        )
        let level = ["--log-level", logLevel] + keyArguments

        let isKeeping = keepFrames.bytes > 0

        sink = .init(
            name: "posebus-sink",
            arguments: ["--store", store] + (isKeeping ? ["--keep-frames", "\(keepFrames)"] : []) + level,
            binds: [
                ("outcomes", "--bind-outcomes", outcomes), ("acks", "--bind-acks", acks),
                ("results", "--bind-results", outer(.results)), ("replay", "--bind-replay", outer(.replay)),
            ])
        infer = .init(
            name: "posebus-infer",
            arguments: ["--sink", outcomes, "--engine", engine.rawValue, "--models", models.path]
                + settings.arguments + (isKeeping ? ["--forward-frames"] : [])
                + (threads.map { ["--threads", "\($0)"] } ?? []) + level,
            binds: [("frames", "--bind", frames)])
        ingest = .init(
            name: "posebus-ingest",
            // It ends when everything is stored, however long that takes: how long to wait is the supervisor's matter.
            arguments: ["--infer", frames, "--acks", acks, "--drain-seconds", "1000000"]
                + (spool.map { ["--spool", $0] } ?? []) + level,
            binds: [
                ("push", "--bind-push", outer(.framesPush)), ("request", "--bind-request", outer(.framesRequest)),
                ("preview", "--bind-preview", outer(.preview)),
            ])
    }

    /// Whether nobody else's ports can be in the way.
    var isEphemeral: Bool { folder != nil }

    /// Removes what was made for the run.
    func cleanUp() {
        if let folder { try? FileManager.default.removeItem(at: folder) }
    }
}
