package import ArgumentParser
internal import Foundation
internal import Messages
package import Stage

/// What can be chosen about the gateway.
package struct GatewayOptions: ParsableArguments {
    @Option(help: "Address to serve HTTP at, HOST:PORT or as a URL; port 0 takes a free one.")
    package var bindHttp = "127.0.0.1:5000"

    @OptionGroup(title: "The pipeline") package var bus: BusOptions
    @OptionGroup(title: "HTTP") package var web: WebOptions
    @OptionGroup(title: "Security") package var security: SecurityOptions
    @OptionGroup package var liveness: LivenessOptions
    @OptionGroup(title: "Status") package var health: HealthCheckOption
    @OptionGroup package var configuration: ConfigurationOptions
    @OptionGroup package var logging: LoggingOptions

    package init() {}

    package func validate() throws {
        guard address != nil else {
            throw ValidationError("--bind-http \(bindHttp): HOST:PORT is expected, such as 127.0.0.1:5000")
        }
        guard let host = address?.host, HostName.isLoopback(host) || web.apiKeys != nil || web.anyoneMayConnect else {
            throw ValidationError(
                """
                --bind-http \(bindHttp): other machines can reach this address, and whoever reaches it could watch the \
                cameras and feed frames. Give keys with --api-keys FILE, or say --anyone-may-connect where the network \
                itself keeps strangers out
                """)
        }
    }

    package var address: (host: String, port: Int)? {
        // As a URL it stands in the line that says where it is: a restart gives that back.
        let text = bindHttp.trimmingPrefix("http://").prefix { $0 != "/" }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        let host = text[..<colon].trimmingCharacters(in: ["[", "]"])
        return host.isEmpty ? nil : (host, Int(port))
    }
}

/// Where the stages are, and what is known of them.
package struct BusOptions: ParsableArguments {
    @Option(help: "The sink's results (XPUB).")
    package var results = Port.results.loopback

    @Option(help: "The sink's replay (ROUTER).")
    package var replay = Port.replay.loopback

    @Option(name: .customLong("preview"), help: "An ingest's previews (XPUB); repeat for several ingests.")
    package var previews: [String] = []

    @Option(help: "Ingest, for frames (ROUTER).")
    package var ingest = Port.framesRequest.loopback

    @Option(help: "Infer (PULL); it is only watched, nothing is sent to it.")
    package var infer = Port.infer.loopback

    @Flag(help: "Only for looking at what a sink has stored: ingest and infer are not missed, and nothing is fed.")
    package var recordingsOnly = false

    @Option(
        help: "Folder for jobs and uploaded videos. Default: $XDG_STATE_HOME/posebus, or ~/.local/state/posebus.",
        completion: .directory)
    package var state: String?

    @Option(
        name: .customLong("video-root"),
        help: "Folder whose videos the old API may be asked to process by their path; repeat. Default: none.",
        completion: .directory)
    package var videoRoots: [String] = []

    @Option(help: "Seconds that a video's job may be processed before it fails. Default: as long as it goes on.")
    package var jobTimeout: Double?

    @Option(help: "The engine that infer runs, for the status. Default: what its outcomes say.")
    package var engine: String?

    @Option(help: "The device that infer computes on, for the status.")
    package var device: String?

    @Option(
        help: "Folder of HMR2's files, whose SMPL model makes meshes. Default: $POSEBUS_HMR2, else ~/.cache/4DHumans.",
        completion: .directory)
    package var hmr2Dir: String?

    package init() {}

    package func validate() throws {
        guard jobTimeout.map({ $0 > 0 && $0 < 1e9 }) ?? true else {
            throw ValidationError("--job-timeout: a number of seconds above 0 is expected")
        }
    }
}

/// Whom HTTP serves, with what, and what it may cost.
package struct WebOptions: ParsableArguments {
    @Option(
        help: "File with API keys, one a line, of which each request has to show one. # begins a comment.",
        completion: .file())
    package var apiKeys: String?

    @Flag(help: "Without --api-keys: serve at addresses that other machines can reach, to whoever reaches them.")
    package var anyoneMayConnect = false

    @Option(
        name: .customLong("cors-origin"),
        help: "Origin of a page from elsewhere that may use this gateway, such as https://example.org; repeat.")
    package var origins: [String] = []

    @Option(
        name: .customLong("host-name"),
        help: "Name under which browsers reach this machine and that is no address, such as cams.example.org; repeat.")
    package var hostNames: [String] = []

    @Option(
        help: """
            Folder of three.js, which the viewer draws with. Default: the one that came with this program, else that of Debian's \
            libjs-three.
            """,
        completion: .directory)
    package var three: String?

    @Option(help: "Folder of the viewer's files. Default: those that came with this program.", completion: .directory)
    package var viewer: String?

    @Option(help: "The most bytes of one posted picture or JSON document.")
    package var maxBody = HTTPLimits().bodyBytes

    @Option(help: "The most bytes of one uploaded video.")
    package var maxVideo = HTTPLimits().videoBytes

    @Option(help: "The most connections at once.")
    package var maxConnections = HTTPLimits().connections

    package init() {}

    package func validate() throws {
        guard maxBody > 0, maxVideo > 0, maxConnections > 0 else {
            throw ValidationError("--max-body, --max-video and --max-connections are numbers above 0")
        }
        for origin in origins where !Origin.isValid(origin) {
            throw ValidationError(
                "--cors-origin \(origin): an origin is SCHEME://HOST[:PORT] without a path, such as https://example.org"
            )
        }
    }
}
