internal import Bodies
internal import Foundation
internal import Hummingbird
internal import Jobs
internal import Messages
internal import ZeroMQ

/// The API of the Flask service that PoseBus replaces, at the port where its clients look for it (docs/old-api.md).
struct LegacyRoutes: RouteTopic {
    let services: LegacyServices

    func add(to routes: Routes) {
        routes.get("/health") { _, _ in LegacyHealth.basic(services.state()) }
        routes.get("/api/pose/health") { _, _ in
            LegacyHealth.detailed(services.state(), services.jobs.store.counts)
        }
        routes.get("/api/pose/pool-status") { _, _ in
            let store = services.jobs.store
            return LegacyHealth.pool(
                services.state(), store.counts, secondsPerJob: try await store.averageSeconds())
        }
        routes.get("/debug/faces") { _, _ in
            LegacyHealth.faces(await services.body()?.model.faces, services.state())
        }
        routes.post("/pose/hybrid") { request, _ in try await picture(request) }
        routes.post("/pose/video") { request, _ in try await video(request) }
        routes.get("/pose/video/status/:job") { request, context in
            try await status(of: context.name("job"), withFrames: request.uri.queryParameters["frames"] != "0")
        }
    }

    // MARK: - A picture

    private func picture(_ request: Request) async throws -> Response {
        let asked = try await LegacyRequest.decode(LegacyRequest.Picture.self, request, limit: services.bodyLimit)
        let start = ContinuousClock.now
        let jpeg: Data
        do {
            jpeg = try await services.converter.jpeg(of: asked.picture)
        } catch {
            throw APIError(.badRequest, "Failed to decode image: \(error)")
        }
        let state = services.state()
        guard state.isReady else { throw Self.notLoaded(state) }
        let outcome: Outcome
        do {
            outcome = try await services.stills.outcome(
                of: jpeg.withUnsafeBytes { Message(copying: $0) }, timeout: services.pictureTimeout,
                trace: request.trace)
        } catch let failure as StillFeeder.Failure {
            throw Self.error(failure)
        }
        if let drop = outcome.drop { throw Self.error(drop) }
        // Loaded only where there is a body to be made.
        let body = outcome.persons.contains { $0.smpl != nil } ? await services.body() : nil
        var json = JSONWriter(capacity: body == nil ? 8 << 10 : 1 << 20)
        json.object { json in
            json.legacyPicture(
                outcome, frameNumber: asked.frameNumber, body: body,
                milliseconds: (ContinuousClock.now - start) / .milliseconds(1))
        }
        return .json(bytes: json.bytes)
    }

    private static func notLoaded(_ state: LegacyState) -> APIError {
        var error = APIError(
            .serviceUnavailable, "HMR2 model not loaded" + (state.trouble.map { ": \($0)" } ?? ""))
        error.headers[.retryAfter] = "5"
        return error
    }

    private static func error(_ failure: StillFeeder.Failure) -> APIError {
        switch failure {
        case .refused(let reason):
            let word = reason.prefix { $0 != ":" }
            let isPicture = DropReason.known.contains { $0.rawValue == word }
            return isPicture
                ? APIError(.badRequest, "Failed to decode image: \(reason)")
                : APIError(.internalServerError, "Processing failed: \(failure)")
        case .busy, .stopping, .late:
            var error = APIError(.serviceUnavailable, "Processing failed: \(failure)")
            error.headers[.retryAfter] = "5"
            return error
        }
    }

    private static func error(_ drop: Drop) -> APIError {
        let detail = drop.detail.isEmpty ? drop.reason.rawValue : "\(drop.reason.rawValue): \(drop.detail)"
        return switch drop.reason {
        case .corruptJPEG, .unsupported, .tooLarge: APIError(.badRequest, "Failed to decode image: \(detail)")
        default: APIError(.internalServerError, "HMR2 processing failed: \(detail)")
        }
    }

    // MARK: - A video

    private func video(_ request: Request) async throws -> Response {
        try services.configuration.checkFeeding()
        let asked = try await LegacyRequest.decode(LegacyRequest.Video.self, request, limit: services.bodyLimit)
        let path = try Self.file(asked.path, in: services.videoRoots)
        do {
            try await services.check.check(path, name: asked.path)
        } catch {
            throw APIError(.badRequest, "Not a video: \(error)")
        }
        let job: Job
        do {
            job = try await services.jobs.submit(Job(path: path))
        } catch let error as JobError {
            throw APIError(.serviceUnavailable, error.description)
        }
        let state = services.state()
        guard job.queuePosition == 0 || job.queuePosition == nil, state.isReady else {
            return Self.queued(job, isBusy: state.isReady)
        }
        // Whoever hangs up gives up waiting; the job goes on.
        guard let end = try await services.jobs.waitUntilOver(job.id) else {
            throw APIError(.internalServerError, "The job \(job.id) is forgotten: too many others came after it.")
        }
        return end.status == .completed
            ? try await LegacyVideoAnswer(services, end, path: asked.path).response()
            : Self.failed(end)
    }

    private static func file(_ path: String, in roots: VideoRoots) throws -> String {
        do throws(VideoRoots.Refusal) {
            return try roots.file(path)
        } catch {
            let shown = path.utf8.count > 300 ? "\(path.prefix(100))…" : path
            let message =
                switch error {
                case .noRoots:
                    """
                    Videos cannot be named by their path here: start the gateway with --video-root FOLDER, or upload the \
                    video to /v1/videos
                    """
                case .notFound: "Video file not found: \(shown) (it has to lie in a folder given with --video-root)"
                case .noFile: "Video file not found: \(shown) is no file"
                case .empty: "Video file is empty: \(shown)"
                }
            throw APIError(.badRequest, message)
        }
    }

    private static func queued(_ job: Job, isBusy: Bool) -> Response {
        var json = JSONWriter()
        json.object { json in
            json.key("status")
            json.text("queued")
            json.key("job_id")
            json.text(job.id)
            json.key("message")
            json.text(
                isBusy
                    ? "Video processing queued - another video is being processed"
                    : "Video processing queued - the models are not loaded yet")
            json.key("queue_position")
            json.value(max(1, job.queuePosition ?? 1))
        }
        return .json(bytes: json.bytes, status: .accepted)
    }

    private static func failed(_ job: Job) -> Response {
        var json = JSONWriter()
        json.object { json in
            json.key("error")
            json.text(job.error ?? "the job was cancelled")
            json.key("error_type")
            json.text(job.status.rawValue)
            json.key("job_id")
            json.text(job.id)
            json.key("elapsed_seconds")
            json.value(job.seconds, decimals: 3)
        }
        return .json(bytes: json.bytes, status: .internalServerError)
    }

    private func status(of id: String, withFrames: Bool) async throws -> Response {
        guard let job = try await services.jobs.job(id) else {
            throw APIError(.notFound, "Job \(id.prefix(100)) not found")
        }
        return try await LegacyVideoAnswer(services, job, path: job.isUpload ? job.source : job.path)
            .statusResponse(withFrames: withFrames)
    }
}

extension Job {
    /// How long it was processed.
    var seconds: Double {
        guard let startedAt, let completedAt else { return 0 }
        return Double(completedAt.nanoseconds - startedAt.nanoseconds) / 1e9
    }
}
