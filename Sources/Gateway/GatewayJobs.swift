internal import Foundation
internal import Jobs
internal import Logging
internal import Messages
internal import ServiceLifecycle
internal import Settings
internal import Stage
internal import ZeroMQ

/// What the gateway feeds to the bus on somebody's behalf, and the threads that do it.
struct GatewayJobs: Sendable {
    /// Videos.
    let runner: JobRunner
    /// Single pictures.
    let stills: StillFeeder
    /// Makes JPEGs of pictures in other formats.
    let converter: ImageConverter
    /// Looks whether files are videos.
    let check = VideoCheck()
    /// The folders from which videos may be named.
    let videoRoots: VideoRoots

    /// The stream that single pictures are fed as.
    private static let stillsName = "stills"

    /// Opens the state folder; nothing is fed yet.
    ///
    /// - Throws: `StageFailure`, saying what keeps the folder from being used.
    init(_ configuration: GatewayConfiguration, in context: Context, logger: Logger) throws {
        let state = configuration.state
        do {
            try FileManager.default.createDirectory(
                at: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw StageFailure(
                "\(state.path) cannot be made: \(error.localizedDescription). Choose another folder with --state",
                exitCode: .cannotCreate)
        }
        do {
            videoRoots = try VideoRoots(configuration.videoRoots.map(\.path))
            let uploads = try UploadFolder(in: state, limit: configuration.http.limits.videoBytes)
            runner = try JobRunner(
                JobRunner.Configuration(
                    ingest: configuration.ingest, results: configuration.results, replay: configuration.replay,
                    timeout: configuration.jobTimeout),
                store: try JobStore(folder: state), uploads: uploads, in: context, logger: logger)
        } catch let error as JobError {
            throw StageFailure(error.description, exitCode: .cannotCreate)
        }
        stills = StillFeeder(
            StillFeeder.Configuration(
                ingest: configuration.ingest, results: configuration.results, replay: configuration.replay,
                stream: try StreamName(Self.stillsName)),
            in: context, logger: logger)
        converter = ImageConverter(folder: state)
    }

    /// Each on a thread of its own.
    var services: [any Service] {
        [
            ThreadService(named: "jobs") { try runner.run(until: $0) },
            ThreadService(named: "feed-stills") { try stills.feed(until: $0) },
            ThreadService(named: "read-stills") { try stills.read(until: $0) },
        ]
    }
}
