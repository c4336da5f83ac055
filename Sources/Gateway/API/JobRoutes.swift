internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Jobs
internal import Messages
internal import NIOCore

/// Videos that are handed in, and the jobs that they become.
struct JobRoutes: RouteTopic {
    private let jobs: JobRunner
    private let check: VideoCheck
    private let configuration: GatewayConfiguration

    init(services: GatewayServices) {
        configuration = services.configuration
        jobs = services.jobs.runner
        check = services.jobs.check
    }

    func add(to routes: Routes) {
        routes.post("/v1/videos") { request, _ in try await upload(request) }
        routes.get("/v1/jobs") { request, _ in
            let limit = try Self.limit(request.uri.queryParameters["limit"].map { String($0) })
            let list = try await jobs.jobs(limit: limit)
            var json = JSONWriter(capacity: 512 * (list.count + 1))
            json.object { json in
                json.key("jobs")
                json.array { json in for job in list { json.value(job) } }
            }
            return .json(bytes: json.bytes)
        }
        routes.get("/v1/jobs/:job") { _, context in
            let id = try context.name("job")
            guard let job = try await jobs.job(id) else { throw Self.unknown(id) }
            return Self.response(job)
        }
        routes.delete("/v1/jobs/:job") { _, context in
            let id = try context.name("job")
            guard let job = try await jobs.cancel(id) else { throw Self.unknown(id) }
            return Self.response(job)
        }
    }

    // MARK: - Uploading

    private func upload(_ request: Request) async throws -> Response {
        try configuration.checkFeeding()
        let name = request.form("name")
        let stream = try request.form("stream").map { text in
            do {
                return try StreamName(text)
            } catch {
                throw APIError(.badRequest, "stream: \(error).")
            }
        }
        let uploads = jobs.uploads
        let announced = request.headers[.contentLength].flatMap { Int($0) }
        if let announced, announced > uploads.limit { throw Self.error(.tooLarge(limit: uploads.limit)) }
        if let announced, !uploads.hasRoom(for: announced) { throw Self.error(.noRoom) }
        do {
            let writer = try UploadWriter(uploads)
            do {
                for try await buffer in request.body { try await writer.append(Array(buffer.readableBytesView)) }
                guard try await writer.finish() > 0 else {
                    throw APIError(.badRequest, "The body is empty; send the video's bytes as the request's body.")
                }
                try await checkVideo(writer.path, name ?? "the upload")
                let job = try await submit(Job(path: writer.path, source: name, stream: stream, isUpload: true))
                var response = Self.response(job, status: .accepted)
                response.headers[.location] = "/v1/jobs/\(job.id)"
                return response
            } catch {
                writer.discard()
                throw error
            }
        } catch let failure as UploadWriter.Failure {
            throw Self.error(failure)
        }
    }

    private func checkVideo(_ path: String, _ name: String) async throws {
        do {
            try await check.check(path, name: name)
        } catch {
            throw APIError(.unsupportedMediaType, "This is no video that can be read: \(error).")
        }
    }

    private func submit(_ job: Job) async throws -> Job {
        do {
            return try await jobs.submit(job)
        } catch let error as JobError {
            throw APIError(.serviceUnavailable, "\(error).")
        }
    }

    private static func error(_ failure: UploadWriter.Failure) -> APIError {
        switch failure {
        case .tooLarge(let limit):
            APIError(
                .contentTooLarge,
                "The video is larger than \(limit >> 20) MiB, which is the limit (--max-video); send a smaller one.")
        case .noRoom:
            APIError(
                HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"),
                "The gateway's disk has no room for this video; free some space or send a smaller one.")
        case .inputOutput(let reason):
            APIError(.internalServerError, "The video could not be written to the gateway's disk: \(reason).")
        }
    }

    // MARK: - Answers

    private static func limit(_ text: String?) throws -> Int {
        guard let text else { return 100 }
        guard let limit = Int(text), (1...1000).contains(limit) else {
            throw APIError(.badRequest, "limit: a number from 1 to 1000 is expected.")
        }
        return limit
    }

    private static func unknown(_ id: String) -> APIError {
        APIError(.notFound, "There is no job \(id.prefix(100)), or it is so long ago that it was forgotten.")
    }

    private static func response(_ job: Job, status: HTTPResponse.Status = .ok) -> Response {
        var json = JSONWriter(capacity: 512)
        json.value(job)
        return .json(bytes: json.bytes, status: status)
    }
}

extension Request {
    /// A text of the query as forms write it: a plus is a space there.
    fileprivate func form(_ key: String) -> String? {
        for pair in (uri.query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == key else { continue }
            return parts[1].replacing("+", with: " ").removingPercentEncoding
        }
        return nil
    }
}

extension JSONWriter {
    /// Writes a job.
    mutating func value(_ job: Job) {
        object { json in
            json.key("job_id")
            json.text(job.id)
            json.key("stream")
            json.text(job.stream.description)
            json.key("session")
            json.textOrNull(job.session?.description)
            json.key("status")
            json.text(job.status.rawValue)
            json.key("queue_position")
            if let position = job.queuePosition { json.value(position) } else { json.null() }
            json.course(of: job)
            json.key("source")
            json.text(job.source)
        }
    }

    /// How far a job is, in the words of the old API and of the new one.
    mutating func course(of job: Job) {
        key("progress")
        object { json in
            json.key("frames")
            json.value(job.frames)
            json.key("total")
            if let total = job.total { json.value(total) } else { json.null() }
        }
        key("queued_at")
        secondsOrNull(job.queuedAt)
        key("started_at")
        secondsOrNull(job.startedAt)
        key("completed_at")
        secondsOrNull(job.completedAt)
        key("error")
        textOrNull(job.error)
    }
}
