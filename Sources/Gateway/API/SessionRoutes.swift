internal import Bodies
internal import Client
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Messages
internal import NIOCore
internal import ZeroMQ

/// What is stored: sessions, their outcomes, timelines and pictures.
struct SessionRoutes: RouteTopic {
    let services: GatewayServices

    /// The most outcomes of one answer.
    private static let maxOutcomes: UInt64 = 1000
    private static let immutable = "private, max-age=31536000, immutable"

    func add(to routes: Routes) {
        let (archive, meshes) = (services.archive, services.meshes)
        routes.get("/v1/sessions") { request, _ in
            let limit = try request.number("limit", in: 1...10_000) ?? 1000
            let stream = try Self.stream(request.query("stream"))
            let sessions = try await archive.ask { try $0.sessions(of: stream, limit: Int(limit)) }
            return try Response.json(encoding: SessionList(sessions: sessions.map(SessionView.init)))
        }
        routes.get("/v1/sessions/:session") { _, context in
            let id = try context.session()
            return try Response.json(encoding: SessionView(try await Self.summary(of: id, archive)))
        }
        routes.get("/v1/sessions/:session/outcomes") { request, context in
            let id = try context.session()
            let from = try request.number("from", in: 0...UInt64(Int64.max) - Self.maxOutcomes) ?? 0
            let to = try request.number("to", in: 0...UInt64(Int64.max) - 1)
            let limit = try request.number("limit", in: 1...Self.maxOutcomes) ?? 256
            let revision = try request.revision()
            let form = OutcomeForm(accept: request.headers[.accept])
            return try await archive.ask { archive in
                let page = try archive.outcomes(
                    of: id, from: SequenceNumber(from), through: to.map { SequenceNumber($0) }, revision: revision,
                    limit: Int(limit))
                return form.response(page.outcomes, next: page.next, isEnded: page.isEnded)
            }
        }
        routes.get("/v1/sessions/:session/timeline") { request, context in
            let id = try context.session()
            let revision = try request.revision()
            return try await archive.ask { archive in
                try Response.json(encoding: TimelineView(try archive.timeline(of: id, revision: revision)))
            }
        }
        routes.get("/v1/sessions/:session/frames/:sequence") { request, context in
            let (id, sequence) = (try context.session(), try context.sequence())
            let tag = "\"\(id)-\(sequence)\""
            let headers: HTTPFields = [.eTag: tag, .cacheControl: Self.immutable]
            let jpeg = try await archive.ask { archive in
                try archive.frame(of: id, sequence: sequence)?.withUnsafeBytes { ByteBuffer(bytes: $0) }
            }
            guard let jpeg else {
                throw APIError(
                    .notFound,
                    """
                    The sink has not kept this picture, or not any more. It keeps pictures where it runs with --keep-frames \
                    and infer with --forward-frames; the oldest make room for new ones.
                    """)
            }
            if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: headers) }
            var response = Response.data(jpeg, type: "image/jpeg")
            response.headers.append(contentsOf: headers)
            return response
        }
        routes.get("/v1/sessions/:session/outcomes/:sequence/meshes") { request, context in
            let (id, sequence) = (try context.session(), try context.sequence())
            let revision = try request.revision()
            let block = try await archive.ask { archive -> ByteBuffer in
                let page = try archive.outcomes(of: id, from: sequence, through: sequence, revision: revision, limit: 1)
                guard let outcome = page.outcomes.first else {
                    throw APIError(.notFound, "The sink has no frame \(sequence) of this session.")
                }
                guard outcome.persons.contains(where: { $0.smpl != nil }) else {
                    throw APIError(
                        .notFound, "Nobody in this frame has a body: engine hmr2 makes them, and this was another.")
                }
                _ = try meshes.known()
                return meshes.block(of: outcome) ?? ByteBuffer()
            }
            return Response.data(block, type: "application/octet-stream")
        }
        routes.get("/v1/body") { _, _ in
            let block = try await archive.ask { _ -> ByteBuffer in
                let body = try meshes.known()
                var buffer = ByteBufferAllocator().buffer(capacity: 8 + 4 * body.faces.count)
                buffer.writeInteger(UInt32(body.vertexCount), endianness: .little)
                buffer.writeInteger(UInt32(body.faces.count / 3), endianness: .little)
                for index in body.faces { buffer.writeInteger(UInt32(index), endianness: .little) }
                return buffer
            }
            return Response.data(block, type: "application/octet-stream")
        }
    }

    /// A stream of the query.
    private static func stream(_ text: String?) throws -> StreamName? {
        guard let text else { return nil }
        do {
            return try StreamName(text)
        } catch {
            throw APIError(.badRequest, "No stream can have this name: \(error).")
        }
    }

    /// One session among all that the sink tells of.
    static func summary(of id: SessionID, _ archive: ArchiveService) async throws -> SessionSummary {
        let sessions = try await archive.ask { try $0.sessions(limit: 10_000) }
        guard let summary = sessions.first(where: { $0.session == id }) else {
            throw APIError(.notFound, "The sink has no session of this name. /v1/sessions lists those that it has.")
        }
        return summary
    }
}

/// The forms in which outcomes can be had.
private enum OutcomeForm {
    case json, lines, protobuf

    init(accept: String?) {
        let accept = accept?.lowercased() ?? ""
        if accept.contains("application/x-ndjson") {
            self = .lines
        } else if accept.contains("application/x-protobuf") {
            self = .protobuf
        } else {
            self = .json
        }
    }

    func response(_ outcomes: [Outcome], next: SequenceNumber, isEnded: Bool) -> Response {
        var bytes: [UInt8] = []
        switch self {
        case .json:
            bytes += Array(#"{"ended":\#(isEnded),"next":\#(next),"outcomes":["#.utf8)
            for (index, outcome) in outcomes.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes += outcome.jsonBytes()
            }
            bytes += Array("]}".utf8)
            return Response.json(bytes: bytes)
        case .lines:
            for outcome in outcomes {
                bytes += outcome.jsonBytes()
                bytes.append(UInt8(ascii: "\n"))
            }
            return Response.data(ByteBuffer(bytes: bytes), type: "application/x-ndjson")
        case .protobuf:
            for outcome in outcomes {
                let body = outcome.wireBytes()
                var length = body.count
                while length > 0x7f {
                    bytes.append(UInt8(length & 0x7f) | 0x80)
                    length >>= 7
                }
                bytes.append(UInt8(length))
                bytes += body
            }
            return Response.data(ByteBuffer(bytes: bytes), type: "application/x-protobuf")
        }
    }
}
