internal import Foundation
public import Messages
internal import Security
public import ZeroMQ

/// Reads what a sink has stored: sessions, outcomes, pictures and timelines, over its replay socket (by default port 5573).
///
/// Each call asks and waits for the whole answer. After one that was given up the next begins on a new connection, so that
/// nothing of a late answer comes in between.
///
/// Use it on one thread: it owns a socket.
public final class Archive {
    /// Some outcomes of a session, in order.
    public struct Page: Sendable {
        /// The outcomes.
        public var outcomes: [Outcome]
        /// Where to go on.
        public var next: SequenceNumber
        /// Whether the session has ended; `poses` and `drops` are then all it will ever have.
        public var isEnded: Bool
        /// Outcomes of the session in the store that are poses.
        public var poses: UInt64
        /// Outcomes of the session in the store that are drops.
        public var drops: UInt64
    }

    private let endpoint: String
    private let context: Context
    private let options: SocketOptions
    private var connection: Connection?

    /// A socket and what happens to its connection.
    private struct Connection {
        let socket: Socket
        let monitor: Monitor
        let poller = Poller()
    }

    /// Reads from a sink.
    ///
    /// - Parameter endpoint: the sink's ROUTER for replay.
    public init(at endpoint: String, in context: Context, options: SocketOptions = SocketOptions()) {
        self.endpoint = endpoint
        self.context = context
        var options = options
        options.receiveHighWaterMark = 1000
        options.server = .sink
        self.options = options
    }

    // MARK: - What can be asked

    /// The newest sessions of a stream, or of all, in the order in which they began.
    ///
    /// - Parameter limit: at most so many; a sink tells of 10,000.
    /// - Throws: `ArchiveError`, or `ZeroMQError` where the sink refuses this program's key.
    public func sessions(
        of stream: StreamName? = nil, limit: Int = 1000, timeout: Duration = .seconds(5)
    ) throws -> [SessionSummary] {
        var sessions: [SessionSummary] = []
        var request = ReplayRequest(stream: stream)
        request.sessions = true
        request.limit = UInt64(max(0, limit))
        try ask(request, timeout) { parts in sessions.append(try decode(SessionSummary.self, parts)) }
        return sessions
    }

    /// Outcomes of a session, in order.
    ///
    /// - Parameters:
    ///   - first: the sequence to begin with.
    ///   - last: the last one wanted, itself included; nil: as many as there are.
    ///   - revision: `original`, `latest` or a number.
    ///   - limit: at most so many.
    /// - Throws: `ArchiveError.unknownSession` and others, or `ZeroMQError`.
    public func outcomes(
        of session: SessionID, from first: SequenceNumber = .first, through last: SequenceNumber? = nil,
        revision: String = "original", limit: Int = 256, timeout: Duration = .seconds(5)
    ) throws -> Page {
        var request = ReplayRequest(session: session)
        request.format = "pb"
        request.from = first.value
        let end = first.advanced(by: max(1, limit) - 1)
        request.to = min(last ?? end, end).value
        request.revision = revision
        var page = Page(outcomes: [], next: first, isEnded: false, poses: 0, drops: 0)
        let answer = try ask(request, timeout) { parts in
            guard let body = parts.last, let outcome = try? Outcome(wire: body.bytes) else {
                throw ArchiveError.unreadable
            }
            page.outcomes.append(outcome)
        }
        page.next = SequenceNumber(answer.next)
        page.isEnded = answer.ended ?? false
        page.poses = answer.poses ?? 0
        page.drops = answer.drops ?? 0
        return page
    }

    /// The picture of a frame, a JPEG as the camera sent it; nil where the sink does not keep it, or not any more.
    ///
    /// - Throws: as `outcomes`.
    public func frame(
        of session: SessionID, sequence: SequenceNumber, timeout: Duration = .seconds(5)
    ) throws -> Message? {
        var request = ReplayRequest(session: session)
        request.format = "jpeg"
        request.from = sequence.value
        request.to = sequence.value
        var jpeg: Message?
        try ask(request, timeout) { parts in jpeg = parts.last }
        return jpeg
    }

    /// What a session's frames look like from afar, without their poses.
    ///
    /// - Throws: as `outcomes`.
    public func timeline(
        of session: SessionID, revision: String = "original", timeout: Duration = .seconds(10)
    ) throws -> Timeline {
        var request = ReplayRequest(session: session)
        request.format = "timeline"
        request.revision = revision
        var timeline: Timeline?
        try ask(request, timeout) { parts in
            let stretch = try decode(TimelineMessage.self, parts).timeline
            if timeline == nil { timeline = stretch } else { timeline?.append(stretch) }
        }
        return timeline ?? Timeline(first: 0)
    }

    // MARK: - Asking

    /// Asks, hands each message of the answer to `take`, and returns the answer's end.
    @discardableResult
    private func ask(
        _ request: ReplayRequest, _ timeout: Duration, _ take: ([Message]) throws -> Void
    ) throws -> ReplayEnd {
        let deadline = ContinuousClock.now + timeout
        do {
            let connection = try connected()
            try send(Message([UInt8](JSONEncoder().encode(request))), connection, deadline)
            while true {
                guard case .parts(let parts)? = try connection.socket.receive(maxParts: 2) else {
                    try wait(connection, deadline)
                    continue
                }
                if let body = parts.last, parts.count == 1, let end = ReplayEnd(body.bytes) {
                    if let error = end.error { throw ArchiveError(refusal: error) }
                    return end
                }
                try take(parts)
            }
        } catch {
            // What was not read of the answer must not be taken for the next one's.
            if !(error is ArchiveError) || (error as? ArchiveError)?.leavesAnswer == true { connection = nil }
            throw error
        }
    }

    private func connected() throws(ZeroMQError) -> Connection {
        if let connection { return connection }
        let socket = try Socket(.dealer, in: context, options: options)
        let made = Connection(socket: socket, monitor: try Monitor(watching: socket, in: context))
        _ = made.poller.watch(made.socket)
        _ = made.poller.watch(made.monitor.socket)
        try made.socket.connect(endpoint)
        connection = made
        return made
    }

    private func send(_ request: Message, _ connection: Connection, _ deadline: ContinuousClock.Instant) throws {
        while try !connection.socket.send([request]) { try wait(connection, deadline) }
    }

    /// Waits for something to read.
    private func wait(_ connection: Connection, _ deadline: ContinuousClock.Instant) throws {
        let left = deadline - .now
        guard left > .zero else { throw ArchiveError.timeout(endpoint) }
        try connection.poller.wait(timeout: min(left, .milliseconds(500)))
        while let event = try connection.monitor.next() {
            switch event.kind {
            case .keyRefused: throw ZeroMQError(code: .keyRefused, operation: "connect to", subject: event.endpoint)
            // The sink that would answer is gone, and with it the question.
            case .disconnected: throw ArchiveError.lost(endpoint)
            default: continue
            }
        }
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ parts: [Message]) throws -> Value {
        guard let body = parts.last, let value = try? JSONDecoder().decode(type, from: Data(body.bytes)) else {
            throw ArchiveError.unreadable
        }
        return value
    }
}

/// Why what is stored could not be read.
public enum ArchiveError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The sink at this endpoint did not answer in time.
    case timeout(String)
    /// The connection to the sink at this endpoint was lost before it had answered.
    case lost(String)
    /// The sink has no such session.
    case unknownSession
    /// The sink does not answer this, for the reason it gives.
    case refused(String)
    /// The answer is of another release.
    case unreadable

    init(refusal: String) {
        self = refusal.contains("no such session") ? .unknownSession : .refused(refusal)
    }

    /// Whether something of an answer may still come.
    fileprivate var leavesAnswer: Bool {
        switch self {
        case .unknownSession, .refused: false
        case .timeout, .lost, .unreadable: true
        }
    }

    /// What happened, and what to do.
    public var description: String {
        switch self {
        case .timeout(let endpoint):
            "the sink at \(endpoint) does not answer. See that posebus-sink runs there and that this is its replay endpoint"
        case .lost(let endpoint): "the sink at \(endpoint) went away before it had answered. Ask again"
        case .unknownSession: "the store holds no such session"
        case .refused(let reason): reason
        case .unreadable: "the sink's answer cannot be read: it is of another release. Update PoseBus on both machines"
        }
    }
}

/// What is asked for; see `posebus-sink`'s replay socket.
private struct ReplayRequest: Encodable {
    var stream: StreamName?
    var session: SessionID?
    var from: UInt64?
    var to: UInt64?
    var format: String?
    var revision: String?
    var sessions: Bool?
    var limit: UInt64?
}

private struct TimelineMessage: Decodable {
    let timeline: Timeline
}
