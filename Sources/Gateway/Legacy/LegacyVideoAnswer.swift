internal import Bodies
internal import Client
internal import Foundation
internal import Hummingbird
internal import Jobs
internal import Messages
internal import NIOCore

/// The frames of a video in the old shape, fetched from the sink and sent on a few at a time: a video's meshes are far too
/// many to be held.
struct LegacyVideoAnswer: Sendable {
    private let services: LegacyServices
    private let job: Job
    private let path: String

    init(_ services: LegacyServices, _ job: Job, path: String) {
        self.services = services
        self.job = job
        self.path = path
    }

    /// What `POST /pose/video` answers with.
    func response() async throws -> Response {
        let first = try await firstPage()
        return stream { writer in try await writeResult(first, to: writer) }
    }

    /// What `GET /pose/video/status/…` answers with.
    func statusResponse(withFrames: Bool) async throws -> Response {
        var json = JSONWriter(capacity: 1024)
        json.object { json in status(&json) }
        guard job.status == .completed else {
            return .json(bytes: json.bytes.dropLast() + Array(#","result":null}"#.utf8))
        }
        let head = json.bytes.dropLast() + Array(#","result":"#.utf8)
        let first = withFrames ? try await firstPage() : nil
        return stream { writer in
            try await writer(head)
            try await writeResult(first, to: writer)
            try await writer(Array("}".utf8))
        }
    }

    private func status(_ json: inout JSONWriter) {
        json.key("job_id")
        json.text(job.id)
        json.key("status")
        json.text(job.status.rawValue)
        json.key("video_path")
        json.text(path)
        json.key("queue_position")
        if let position = job.queuePosition { json.value(max(1, position)) } else { json.null() }
        json.course(of: job)
    }

    // MARK: - Frames

    private typealias Writer = (_ bytes: [UInt8]) async throws -> Void

    /// Before anything is sent: an answer that has begun cannot become an error.
    private func firstPage() async throws -> Archive.Page? {
        guard let session = job.session else { return nil }
        do {
            return try await services.outcomes(of: session, from: .first)
        } catch {
            throw APIError(
                .serviceUnavailable,
                "The frames of job \(job.id) are stored, but the sink did not give them (\(error)); ask for its status later."
            )
        }
    }

    /// - Parameter first: nil leaves the frames out.
    private func writeResult(_ first: Archive.Page?, to writer: Writer) async throws {
        let start = ContinuousClock.now
        let pickle = services.state().hasBodies ? await services.pickle.path(of: job) : nil
        var head = JSONWriter(capacity: 512)
        head.object { json in
            json.key("status")
            json.text("success")
            json.key("video_path")
            json.text(path)
            json.key("pkl_path")
            json.textOrNull(pickle)
            json.key("total_frames")
            json.value(job.frames)
            json.key("processing_time_seconds")
            json.value(job.seconds, decimals: 3)
            json.key("job_id")
            json.text(job.id)
            // Not in the old answers: under which name the frames are stored.
            json.key("session")
            json.textOrNull(job.session?.description)
        }
        try await writer(Array(head.bytes.dropLast()))
        if let first, let session = job.session {
            try await writer(Array(#","frames":["#.utf8))
            try await writeFrames(of: session, from: first, to: writer)
            try await writer(Array("]".utf8))
        }
        var tail = JSONWriter(capacity: 64)
        tail.object { json in
            json.key("parsing_time_seconds")
            json.value((ContinuousClock.now - start) / .seconds(1), decimals: 3)
        }
        try await writer(Array(",".utf8) + tail.bytes.dropFirst())
    }

    private func writeFrames(of session: SessionID, from first: Archive.Page, to writer: Writer) async throws {
        var page = first
        let beginning = page.outcomes.first?.frame.captureTime
        let hasBodies = page.outcomes.contains { $0.persons.contains { $0.smpl != nil } }
        var body = hasBodies ? await services.body() : nil
        var isFirst = true
        while !page.outcomes.isEmpty {
            if body == nil, page.outcomes.contains(where: { $0.persons.contains { $0.smpl != nil } }) {
                body = await services.body()
            }
            for outcome in page.outcomes {
                try Task.checkCancellation()
                let seconds = beginning.map { Double(outcome.frame.captureTime.nanoseconds - $0.nanoseconds) / 1e9 }
                var json = JSONWriter(capacity: 4096)
                json.legacyFrame(outcome, seconds: seconds ?? 0, body: body)
                try await writer(isFirst ? json.bytes : Array(",".utf8) + json.bytes)
                isFirst = false
            }
            page = try await services.outcomes(of: session, from: page.next)
        }
    }

    private func stream(_ body: @escaping @Sendable (Writer) async throws -> Void) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody { writer in
                var writer = writer
                var buffer = ByteBuffer()
                try await body { bytes in
                    buffer.writeBytes(bytes)
                    guard buffer.readableBytes >= 64 << 10 else { return }
                    try await writer.write(buffer)
                    buffer.clear()
                }
                if buffer.readableBytes > 0 { try await writer.write(buffer) }
                try await writer.finish(nil)
            })
    }
}
