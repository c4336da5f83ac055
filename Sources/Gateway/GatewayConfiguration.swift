package import Foundation
internal import Messages
package import Security
package import Settings

/// What a gateway is told at its start.
package struct GatewayConfiguration: Sendable {
    /// Where it listens, and whom it serves there.
    package var http = HTTPConfiguration()
    /// The sink's results (XPUB) and replay (ROUTER).
    package var results = Port.results.loopback
    package var replay = Port.replay.loopback
    /// The previews (XPUB) of each ingest.
    package var previews = [Port.preview.loopback]
    /// Where frames are fed to (ROUTER).
    package var ingest = Port.framesRequest.loopback
    /// The infer that is watched; nothing is ever sent to it.
    package var infer = Port.infer.loopback
    /// Whether there is only a sink, and nothing is fed.
    package var isForRecordingsOnly = false
    /// As whom it connects to them.
    package var security = StageSecurity.thisMachine
    /// Where jobs and their videos are kept.
    package var state: URL
    /// How long a video's job may be processed; nil: for as long as it goes on.
    package var jobTimeout: Duration?
    /// The folders from which the old API may read videos.
    package var videoRoots: [URL] = []
    /// What infer runs, as far as whoever started the pipeline knows: an engine's name and a device's.
    package var engine: String?
    package var device: String?
    /// The folder of HMR2's files; nil for the usual one.
    package var hmr2Folder: String?

    package init(state: URL) {
        self.state = state
    }
}

/// Where the gateway listens, and whom it serves there.
package struct HTTPConfiguration: Sendable {
    /// The address to bind; port 0 takes a free one.
    package var host = "127.0.0.1"
    package var port = 5000
    /// Who has one of these may use everything; nil: nobody is asked.
    package var keys: APIKeys?
    /// Pages from elsewhere that may use it, as browsers write their origin.
    package var allowedOrigins: Set<String> = []
    /// Names in `Host` that are no address and no `localhost`, and are answered all the same.
    package var hostNames: Set<String> = []
    /// The files of the viewer, of the JavaScript client, and of three.js; nil where there are none.
    package var viewer: URL?
    package var client: URL?
    package var three: URL?
    package var limits = HTTPLimits()

    package init() {}
}
