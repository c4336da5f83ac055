internal import Foundation
internal import HTTPTypes
internal import HummingbirdCore
internal import Messages
internal import NIOCore

extension Request {
    /// A value of the query; the last one where it is given more than once.
    func query(_ key: String) -> String? {
        uri.queryParameters.filter { $0.key == key[...] }.last.map { String($0.value) }
    }

    /// A whole number of the query.
    ///
    /// - Throws: `APIError` where it is none, or out of range.
    func number(_ key: String, in range: ClosedRange<UInt64>) throws -> UInt64? {
        guard let text = query(key) else { return nil }
        guard let number = UInt64(text), range.contains(number) else {
            throw APIError(
                .badRequest,
                "\(key)=\(text.prefix(40)): a whole number from \(range.lowerBound) to \(range.upperBound) is expected."
            )
        }
        return number
    }

    /// A switch of the query: 1, 0, true or false.
    func isOn(_ key: String) throws -> Bool {
        switch query(key) {
        case nil, "0", "false": return false
        case "1", "true": return true
        case let text?: throw APIError(.badRequest, "\(key)=\(text.prefix(40)): 1 or 0 is expected.")
        }
    }

    /// Which poses are wanted: `original`, `latest`, or the number of a revision.
    func revision() throws -> String {
        let text = query("revision") ?? "original"
        guard ["original", "latest"].contains(text) || UInt32(text).map({ $0 > 0 }) == true else {
            throw APIError(
                .badRequest, "revision=\(text.prefix(40)): original, latest or the number of a revision is expected.")
        }
        return text
    }

    /// Where the request belongs in its sender's trace (W3C Trace Context). A `traceparent` that is none is passed over, as
    /// that asks for.
    var trace: TraceContext? {
        headers[.traceparent].flatMap { TraceContext(traceparent: $0) }
    }

    /// The whole body.
    ///
    /// - Throws: `APIError` where it is larger than `limit`; before any of it is read where its length is told.
    func wholeBody(upTo limit: Int) async throws -> ByteBuffer {
        let tooLarge = APIError(.contentTooLarge, "The body is larger than the \(limit) bytes that this gateway takes.")
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
        do {
            return try await body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
    }
}

extension GatewayContext {
    /// The session in the path.
    func session() throws -> SessionID {
        let text = try name("session")
        guard let session = SessionID(text) else {
            throw APIError(
                .notFound, "“\(text.prefix(80))” is no session: sessions are UUIDs. /v1/sessions lists them.")
        }
        return session
    }

    /// The sequence in the path.
    func sequence() throws -> SequenceNumber {
        let text = try name("sequence")
        guard let number = UInt64(text), number < UInt64(Int64.max) else {
            throw APIError(.notFound, "“\(text.prefix(80))” is no frame of a session: frames are counted 0, 1, 2, ….")
        }
        return SequenceNumber(number)
    }

    /// The stream in the path.
    func stream() throws -> StreamName {
        let text = try name("stream")
        do {
            return try StreamName(text)
        } catch {
            throw APIError(.badRequest, "No stream can have this name: \(error).")
        }
    }
}
