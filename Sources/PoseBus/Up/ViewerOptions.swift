internal import ArgumentParser

/// Where the gateway of this machine is reached, and what it may read.
struct ViewerOptions: ParsableArguments, Sendable {
    @Option(
        name: .customLong("http"),
        help: ArgumentHelp(
            "Address of the viewer and the HTTP API. Default: 127.0.0.1:5000.", valueName: "host:port"))
    var address: String?

    @Option(
        help: ArgumentHelp(
            "Folder whose videos the old API (POST /pose/video) may name; may be given several times.",
            valueName: "folder"))
    var videoRoot: [String] = []

    @Option(
        help: ArgumentHelp(
            "File of API keys, one a line: with it the gateway answers only who shows one.", valueName: "file"))
    var apiKeys: String?

    /// For the gateway.
    var arguments: [String] {
        videoRoot.flatMap { ["--video-root", $0] } + (apiKeys.map { ["--api-keys", $0] } ?? [])
    }
}
