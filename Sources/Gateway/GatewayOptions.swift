internal import ArgumentParser
internal import Foundation
internal import Messages
internal import Stage

/// Where the stages are, and what is known of them.
struct BusOptions: ParsableArguments {
    @Option(help: "The sink's results (XPUB).")
    var results = Port.results.loopback

    @Option(help: "The sink's replay (ROUTER).")
    var replay = Port.replay.loopback

    @Option(name: .customLong("preview"), help: "An ingest's previews (XPUB); repeat for several ingests.")
    var previews: [String] = []

    @Option(help: "Ingest, for frames (ROUTER).")
    var ingest = Port.framesRequest.loopback

    @Option(help: "Infer (PULL); it is only watched, nothing is sent to it.")
    var infer = Port.infer.loopback

    @Flag(help: "Only for looking at what a sink has stored: ingest and infer are not missed, and nothing is fed.")
    var recordingsOnly = false

    @Option(help: "Folder for jobs and uploaded videos. Default: $XDG_STATE_HOME/posebus, or ~/.local/state/posebus.")
    var state: String?

    @Option(
        name: .customLong("video-root"),
        help: "Folder whose videos the old API may be asked to process by their path; repeat. Default: none.")
    var videoRoots: [String] = []

    @Option(help: "Seconds that a video's job may be processed before it fails. Default: as long as it goes on.")
    var jobTimeout: Double?

    @Option(help: "The engine that infer runs, for the status. Default: what its outcomes say.")
    var engine: String?

    @Option(help: "The device that infer computes on, for the status.")
    var device: String?

    @Option(
        help: "Folder of HMR2's files, whose SMPL model makes meshes. Default: $POSEBUS_HMR2, else ~/.cache/4DHumans.")
    var hmr2Dir: String?

    func validate() throws {
        guard jobTimeout.map({ $0 > 0 && $0 < 1e9 }) ?? true else {
            throw ValidationError("--job-timeout: a number of seconds above 0 is expected")
        }
    }

    func configuration() throws -> GatewayConfiguration {
        var configuration = GatewayConfiguration(state: stateFolder)
        configuration.results = results
        configuration.replay = replay
        if !previews.isEmpty { configuration.previews = previews }
        configuration.ingest = ingest
        configuration.infer = infer
        configuration.isForRecordingsOnly = recordingsOnly
        configuration.videoRoots = videoRoots.map { URL(filePath: $0, directoryHint: .isDirectory) }
        configuration.jobTimeout = jobTimeout.map { .seconds($0) }
        configuration.engine = engine
        configuration.device = device
        configuration.hmr2Folder = hmr2Dir
        return configuration
    }

    private var stateFolder: URL {
        if let state { return URL(filePath: state, directoryHint: .isDirectory) }
        let base = ProcessInfo.processInfo.environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
        let home = FileManager.default.homeDirectoryForCurrentUser
        return (base.map { URL(filePath: $0, directoryHint: .isDirectory) } ?? home.appending(path: ".local/state"))
            .appending(path: "posebus", directoryHint: .isDirectory)
    }
}

/// Whom HTTP serves, with what, and what it may cost.
struct WebOptions: ParsableArguments {
    @Option(help: "File with API keys, one a line, of which each request has to show one. # begins a comment.")
    var apiKeys: String?

    @Flag(help: "Without --api-keys: serve at addresses that other machines can reach, to whoever reaches them.")
    var anyoneMayConnect = false

    @Option(
        name: .customLong("cors-origin"),
        help: "Origin of a page from elsewhere that may use this gateway, such as https://example.org; repeat.")
    var origins: [String] = []

    @Option(
        name: .customLong("host-name"),
        help: "Name under which browsers reach this machine and that is no address, such as cams.example.org; repeat.")
    var hostNames: [String] = []

    @Option(help: "Folder of three.js, which the viewer draws with; Debian's libjs-three by default.")
    var three = "/usr/share/javascript/three"

    @Option(help: "Folder of the viewer's files. Default: those that came with this program.")
    var viewer: String?

    @Option(help: "The most bytes of one posted picture or JSON document.")
    var maxBody = HTTPLimits().bodyBytes

    @Option(help: "The most bytes of one uploaded video.")
    var maxVideo = HTTPLimits().videoBytes

    @Option(help: "The most connections at once.")
    var maxConnections = HTTPLimits().connections

    func validate() throws {
        guard maxBody > 0, maxVideo > 0, maxConnections > 0 else {
            throw ValidationError("--max-body, --max-video and --max-connections are numbers above 0")
        }
        for origin in origins where !Origin.isValid(origin) {
            throw ValidationError(
                "--cors-origin \(origin): an origin is SCHEME://HOST[:PORT] without a path, such as https://example.org"
            )
        }
    }

    func configuration() throws -> HTTPConfiguration {
        var configuration = HTTPConfiguration()
        do {
            configuration.keys = try apiKeys.map(APIKeys.init(file:))
        } catch let error as APIKeys.Unusable {
            throw ValidationError("--api-keys \(error)")
        }
        configuration.allowedOrigins = Set(origins)
        configuration.hostNames = Set(hostNames.map { $0.lowercased() })
        let shipped = ShippedFiles()
        configuration.viewer = viewer.map { URL(filePath: $0, directoryHint: .isDirectory) } ?? shipped.viewer
        configuration.client = shipped.client
        configuration.three = URL(filePath: three, directoryHint: .isDirectory)
        configuration.limits.bodyBytes = maxBody
        configuration.limits.videoBytes = maxVideo
        configuration.limits.connections = maxConnections
        return configuration
    }
}
