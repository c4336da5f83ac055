internal import ArgumentParser
internal import Foundation
internal import Messages
internal import Settings
internal import Stage
internal import Weights

/// How the three stages of one machine are started, so that all of them can be started at once: what they meet at is
/// known before. The gateway comes after them: it is a client of where they listen.
struct StagePlans: Sendable {
    let sink, infer, ingest: Supervisor.Plan
    /// The gateway's executable.
    static let gatewayName = "posebus-gateway"
    private let viewer: ViewerOptions?
    /// Options of the gateway that follow from those of the stages.
    private let gatewayArguments: [String]
    /// Holds the stages' own meeting points where ports are free ones; nil with fixed ports.
    private let folder: URL?

    /// Plans.
    ///
    /// - Parameters:
    ///   - ephemeral: whether feeders and subscribers are served on free ports; the stages then meet in files.
    ///   - spool: folder where ingest keeps what is accepted; nil keeps it in memory.
    ///   - keepFrames: how many bytes of pictures the store keeps.
    ///   - logLevel: of all three.
    ///   - commonArguments: which keys all of them have, and which file they read.
    ///   - viewer: how the gateway is reached; nil: there is none.
    init(
        engine: EngineKind, store: String, models: URL, threads: Int?, settings: EngineSettings, ephemeral: Bool,
        spool: String?, keepFrames: ByteCount, logLevel: String, commonArguments: [String], viewer: ViewerOptions?
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
        let status = ephemeral ? [("status", "--status", "127.0.0.1:0")] : []
        let (frames, outcomes, acks) = (
            inner(.infer, "frames"), inner(.outcomes, "outcomes"), inner(.acknowledgements, "acks")
        )
        let common = ["--log-level", logLevel] + commonArguments
        self.viewer = viewer
        gatewayArguments =
            [
                "--infer", frames, "--engine", engine.rawValue, "--device", Self.device(of: engine, settings),
                "--state", store + ".gateway",
            ]
            + (settings.hmr2Dir.map { ["--hmr2-dir", $0] } ?? []) + common

        let isKeeping = keepFrames.bytes > 0

        sink = .init(
            name: "posebus-sink",
            arguments: ["--store", store] + (isKeeping ? ["--keep-frames", "\(keepFrames)"] : []) + common,
            binds: [
                ("outcomes", "--bind-outcomes", outcomes), ("acks", "--bind-acks", acks),
                ("results", "--bind-results", outer(.results)), ("replay", "--bind-replay", outer(.replay)),
            ] + status)
        infer = .init(
            name: "posebus-infer",
            arguments: ["--sink", outcomes, "--engine", engine.rawValue, "--models", models.path]
                + settings.arguments + (isKeeping ? ["--forward-frames"] : [])
                + (threads.map { ["--threads", "\($0)"] } ?? []) + common,
            binds: [("frames", "--bind", frames)] + status)
        ingest = .init(
            name: "posebus-ingest",
            // It ends when everything is stored, however long that takes: how long to wait is the supervisor's matter.
            arguments: ["--infer", frames, "--acks", acks, "--drain-seconds", "1000000"]
                + (spool.map { ["--spool", $0, "--end-sessions"] } ?? []) + common,
            binds: [
                ("push", "--bind-push", outer(.framesPush)), ("request", "--bind-request", outer(.framesRequest)),
                ("preview", "--bind-preview", outer(.preview)),
            ] + status)
    }

    /// How the gateway is started once the stages listen; nil where nobody wants it.
    ///
    /// - Throws: `StageFailure` where a stage does not say where it listens.
    func gateway(sink: Readiness, ingest: Readiness) throws -> Supervisor.Plan? {
        guard let viewer else { return nil }
        let places = [
            ("--results", sink["results"]), ("--replay", sink["replay"]), ("--preview", ingest["preview"]),
            ("--ingest", ingest["request"]),
        ]
        let arguments = try places.flatMap { option, endpoint in
            guard let endpoint else { throw StageFailure.otherRelease }
            return [option, endpoint]
        }
        return .init(
            name: Self.gatewayName, arguments: arguments + viewer.arguments + gatewayArguments,
            binds: [("http", "--bind-http", viewer.address ?? (isEphemeral ? "127.0.0.1:0" : "127.0.0.1:5000"))],
            isEssential: false)
    }

    /// Where infer will compute, in the words of the old API: cpu or cuda.
    private static func device(of engine: EngineKind, _ settings: EngineSettings) -> String {
        guard engine == .hmr2, settings.device != "cpu" else { return "cpu" }
        return settings.device == "auto" && !FileManager.default.fileExists(atPath: "/dev/nvidiactl") ? "cpu" : "cuda"
    }

    /// Whether nobody else's ports can be in the way.
    var isEphemeral: Bool { folder != nil }

    /// Removes what was made for the run.
    func cleanUp() {
        if let folder { try? FileManager.default.removeItem(at: folder) }
    }
}

extension StageFailure {
    /// The programs do not understand each other.
    static var otherRelease: StageFailure {
        StageFailure("the stages beside posebus are of another release; build all of them", exitCode: .failure)
    }
}
