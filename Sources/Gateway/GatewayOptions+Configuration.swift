internal import ArgumentParser
internal import Foundation
internal import Settings

extension BusOptions {
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

extension WebOptions {
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
        configuration.three =
            three.map { URL(filePath: $0, directoryHint: .isDirectory) } ?? shipped.three
            ?? URL(filePath: "/usr/share/javascript/three", directoryHint: .isDirectory)
        configuration.limits.bodyBytes = maxBody
        configuration.limits.videoBytes = maxVideo
        configuration.limits.connections = maxConnections
        return configuration
    }
}
