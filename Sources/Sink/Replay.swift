internal import Foundation
internal import Messages
internal import Store
internal import ZeroMQ

/// Answers requests for stored outcomes.
///
/// A request is one JSON part, `{"stream":…, "session":…|null, "from":a, "to":b|null, "format":"json"|"pb"}`; without a
/// session the stream's latest is meant. DEALER clients get one message an outcome, then
/// `{"end":true,"session":…,"next":n,"more":false}`. REQ clients, who can read only one message, get the outcomes as parts of
/// one, at most 256 of them, and the same last part; with `"more":true` they ask again from `next`. A request that cannot be
/// answered gets `{"end":true,"error":…}`.
///
/// A turn sends a bounded number of outcomes, so that replay never delays acknowledgements, and a client that does not
/// read is dropped after a while.
final class Replay {
    let socket: Socket
    private let store: StoreWriter
    private var running: [Job] = []

    private struct Job {
        let peer: [Message]
        let session: SessionID
        let format: Request.Format
        var next: Sequence
        let last: Sequence?
        var deadline: ContinuousClock.Instant
    }

    private struct Request: Decodable {
        enum Format: String, Decodable {
            case json, pb
        }

        let stream: String
        let session: String?
        let from: UInt64?
        let to: UInt64?
        let format: Format?
    }

    private static let page = 64
    private static let requestPage = 256
    private static let maxJobs = 64
    private static let patience = Duration.seconds(30)

    init(_ configuration: SinkConfiguration, store: StoreWriter, context: Context, poller: Poller) throws {
        self.store = store
        var options = SocketOptions()
        options.sendHighWaterMark = 1000
        options.maxMessageSize = 64 << 10
        options.linger = .seconds(1)
        socket = try Socket(.router, in: context, options: options)
        try socket.bind(configuration.replay)
        _ = poller.watch(socket)
    }

    /// Whether a replay is under way.
    var isBusy: Bool { !running.isEmpty }

    /// Takes new requests and goes on with those under way.
    func turn() throws {
        while running.count < Self.maxJobs, let received = try socket.receive(maxParts: 3) {
            // Only a request of the right shape has somebody to answer to.
            guard case .parts(let parts) = received, parts.count >= 2 else { continue }
            try begin(peer: Array(parts.dropLast()), request: parts[parts.count - 1])
        }
        running = try running.compactMap { job in
            do {
                return try advance(job)
            } catch let error as ZeroMQError where error.code == .hostUnreachable {
                return nil  // the client has left
            }
        }
    }

    private func begin(peer: [Message], request: Message) throws {
        do {
            let request = try JSONDecoder().decode(Request.self, from: Data(request.bytes))
            let stream = try StreamName(request.stream)
            let session: SessionRecord?
            if let id = request.session.flatMap({ SessionID($0) }) {
                session = try store.reader.session(id)
            } else {
                session = try store.reader.latestSession(of: stream)
            }
            guard let session, session.stream == stream else { throw ReplayRefusal(error: "no such stream or session") }
            let job = Job(
                peer: peer, session: session.session, format: request.format ?? .json,
                next: Sequence(request.from ?? 0), last: request.to.map { Sequence($0) }, deadline: .now + Self.patience)
            if peer.count == 2 { try answerAtOnce(job) } else { running.append(job) }
        } catch let refusal as ReplayRefusal {
            _ = try? socket.send(peer + [end(nil, .first, more: false, error: refusal.error)])
        } catch let error as DecodingError {
            _ = try? socket.send(
                peer + [end(nil, .first, more: false, error: "the request is no JSON of the known keys (\(error.short))")])
        } catch {
            _ = try? socket.send(peer + [end(nil, .first, more: false, error: "\(error)")])
        }
    }

    private struct ReplayRefusal: Error {
        let error: String
    }

    private func answerAtOnce(_ job: Job) throws {
        let page = try store.reader.outcomes(of: job.session, from: job.next, through: job.last, limit: Self.requestPage)
        let next = page.last?.sequence.next ?? job.next
        let more = try page.count == Self.requestPage || !store.reader.outcomes(
            of: job.session, from: next, through: job.last, limit: 1).isEmpty
        _ = try socket.send(job.peer + page.map { try body($0, job.format) } + [end(job.session, next, more: more)])
    }

    /// One page further; nil when the job is over.
    private func advance(_ job: Job) throws -> Job? {
        var job = job
        guard job.deadline > .now else { return nil }
        let page = try store.reader.outcomes(of: job.session, from: job.next, through: job.last, limit: Self.page)
        for record in page {
            guard try socket.send(job.peer + [body(record, job.format)]) else { return job }
            job.next = record.sequence.next
            job.deadline = .now + Self.patience
        }
        if page.isEmpty {
            return try socket.send(job.peer + [end(job.session, job.next, more: false)]) ? nil : job
        }
        return job
    }

    private func body(_ record: OutcomeRecord, _ format: Request.Format) throws -> Message {
        switch format {
        case .pb: Message(record.body)
        case .json: Message(try record.outcome().jsonBytes())
        }
    }

    private struct End: Encodable {
        let end = true
        let session: String?
        let next: UInt64
        let more: Bool
        let error: String?
    }

    private func end(_ session: SessionID?, _ next: Sequence, more: Bool, error: String? = nil) -> Message {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let end = End(session: session?.description, next: next.value, more: more, error: error)
        return Message((try? encoder.encode(end)) ?? Data(#"{"end":true}"#.utf8))
    }
}

extension DecodingError {
    /// What is wrong, without the request's content.
    fileprivate var short: String {
        switch self {
        case .keyNotFound(let key, _): "\(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            context.codingPath.last.map { "\($0.stringValue) has the wrong type" } ?? "not an object"
        @unknown default: "unreadable"
        }
    }
}
