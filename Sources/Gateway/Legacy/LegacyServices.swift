internal import Bodies
internal import Client
internal import Dispatch
internal import Jobs
internal import Messages
internal import NIOConcurrencyHelpers
internal import Settings

/// What the old API works with.
struct LegacyServices: Sendable {
    /// Works off the videos.
    let jobs: JobRunner
    /// Sends single pictures.
    let stills: StillFeeder
    /// Makes JPEGs of them.
    let converter: ImageConverter
    /// Looks whether files are videos.
    let check: VideoCheck
    /// From where videos may be named.
    let videoRoots: VideoRoots
    /// Bytes of a request's body.
    let bodyLimit: Int
    /// How long a picture may take: less than the old client's own patience, so that it learns why.
    let pictureTimeout = Duration.seconds(110)
    /// What the gateway was told at its start.
    let configuration: GatewayConfiguration
    /// PHALP's file of a video.
    let pickle: LegacyPickle
    private let pipeline: PipelineState
    private let archive: ArchiveService
    private let meshes: MeshMaker
    private let knownBody = NIOLockedValueBox<LegacyBody?>(nil)

    init(_ services: GatewayServices) {
        jobs = services.jobs.runner
        stills = services.jobs.stills
        converter = services.jobs.converter
        check = services.jobs.check
        videoRoots = services.jobs.videoRoots
        bodyLimit = services.configuration.http.limits.bodyBytes
        configuration = services.configuration
        pickle = LegacyPickle(services)
        pipeline = services.pipeline
        archive = services.archive
        meshes = services.meshes
    }

    /// What is known of the pipeline.
    func state() -> LegacyState {
        let problems = pipeline.problems
        return LegacyState(
            isReady: pipeline.isReady, engine: pipeline.engine, device: pipeline.inferDevice,
            trouble: problems.isEmpty ? nil : problems.joined(separator: "; "))
    }

    /// A page of the outcomes of a session; empty at their end.
    func outcomes(of session: SessionID, from: SequenceNumber) async throws -> Archive.Page {
        try await archive.ask { archive in
            try archive.outcomes(of: session, from: from, limit: Self.page, timeout: .seconds(10))
        }
    }

    /// Outcomes that are in memory at once: each may become a megabyte of JSON, one after the other.
    private static let page = 64

    /// The body model; nil where its files are not installed. It is read when it is first wanted, which takes a second.
    func body() async -> LegacyBody? {
        if let known = knownBody.withLockedValue({ $0 }) { return known }
        let read: LegacyBody? = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: (try? meshes.body()).map(LegacyBody.init)) }
        }
        knownBody.withLockedValue { $0 = read }
        return read
    }
}
