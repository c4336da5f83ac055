internal import Foundation
public import Messages
internal import Security
public import ZeroMQ

/// Receives the sink's results, gap-free, in order and exactly once for each session.
///
/// Publishing is not delivery: what is published while a subscriber is away or slow passes it by. Everything is in the
/// sink's store, and with `replay` given the subscriber fetches from there whatever it missed, so that it may be as late
/// and as slow as it likes. Memory is bounded on both sides. Without `replay` it begins with what is published next, and
/// `statistics.missing` counts what was lost.
///
/// Use it on one thread: it owns sockets.
public final class Subscriber {
    /// What arrives.
    public enum Event: Sendable {
        /// One frame's outcome.
        case outcome(Outcome)
        /// A session began or ended. Its end comes after all of its outcomes.
        case session(SessionEvent)
    }

    /// Where a stream without a saved position begins.
    public enum Start: Sendable {
        /// At the beginning of the session that runs, or that ran last. Of streams that are not named, that is the
        /// session of which something is published.
        case session
        /// With what is published next.
        case live
    }

    /// How far a session has been handed out.
    public struct Position: Sendable, Equatable {
        /// The stream.
        public var stream: StreamName
        /// The run of the stream.
        public var session: SessionID
        /// The sequence to go on with.
        public var next: UInt64
        /// Whether its end was handed out too.
        public var ended: Bool

        /// A position that was saved.
        public init(stream: StreamName, session: SessionID, next: UInt64, ended: Bool) {
            self.stream = stream
            self.session = session
            self.next = next
            self.ended = ended
        }
    }

    /// What a subscriber has seen so far.
    public struct Statistics: Sendable, Equatable {
        /// Outcomes handed out.
        public var delivered = 0
        /// Outcomes that arrived again and were discarded.
        public var duplicates = 0
        /// Times a later sequence showed that earlier ones are missing.
        public var gaps = 0
        /// Outcomes that came by replay.
        public var replayed = 0
        /// Messages that could not be read: a sink of another release.
        public var unreadable = 0
        /// Sequences that are nowhere to be had.
        public var missing = 0
    }

    private let context: Context
    private var results: Connection
    private let endpoint: String
    private let topics: [String]
    private let replayEndpoint: String?
    private let options: SocketOptions
    private var replay: Connection?
    private var poller = Poller()
    private var follower: Follower

    /// A socket and what happens to its connection.
    private struct Connection {
        let socket: Socket
        let monitor: Monitor
    }

    /// Subscribes to a sink's results.
    ///
    /// - Parameters:
    ///   - endpoint: the sink's XPUB, by default port 5571.
    ///   - replay: the sink's ROUTER for replay, by default port 5573; nil: what is missed is lost.
    ///   - streams: only these streams; nil for all.
    ///   - start: where streams begin that have no position.
    ///   - positions: where to go on, as an earlier subscriber's `positions` said.
    ///   - highWaterMark: how many messages may wait in each socket, and how many outcomes for earlier ones.
    public convenience init(
        to endpoint: String, replay: String? = nil, streams: [StreamName]? = nil, start: Start = .session,
        positions: [Position] = [], highWaterMark: Int = 10_000, in context: Context
    ) throws(ZeroMQError) {
        var options = Follower.Options()
        options.streams = streams.map { Set($0) }
        options.startsLive = start == .live
        options.replays = replay != nil
        options.maxPending = highWaterMark
        try self.init(
            to: endpoint, replay: replay, options, positions: positions, highWaterMark: highWaterMark, in: context)
    }

    /// With every option of the follower, for tests that cannot wait.
    package init(
        to endpoint: String, replay: String?, _ following: Follower.Options, positions: [Position] = [],
        highWaterMark: Int, in context: Context
    ) throws(ZeroMQError) {
        self.context = context
        var options = SocketOptions()
        options.receiveHighWaterMark = highWaterMark
        options.server = .sink
        // While a slow reader's queue is full libzmq takes the connection for dead, and aborts the process when it is
        // read again (libzmq issue 3937). The follower notices a dead connection by asking.
        options.heartbeatInterval = nil
        self.options = options
        self.endpoint = endpoint
        replayEndpoint = replay
        follower = Follower(following, positions: positions, at: .now)
        // Subscribe first: whatever is published from then on arrives, and what came before is asked for.
        let names = following.streams?.map(\.description) ?? [""]
        topics = [Topic.posePB, Topic.session].flatMap { prefix in names.map { prefix + $0 } }
        results = try Self.connect(.subscribe, to: endpoint, topics, options, in: context)
        try openReplay()
    }

    private static func connect(
        _ kind: SocketKind, to endpoint: String, _ topics: [String], _ options: SocketOptions, in context: Context
    ) throws(ZeroMQError) -> Connection {
        let socket = try Socket(kind, in: context, options: options)
        let monitor = try Monitor(watching: socket, in: context)
        for topic in topics { try socket.subscribe(topic) }
        try socket.connect(endpoint)
        return Connection(socket: socket, monitor: monitor)
    }

    /// A new socket, so that nothing of an answer that was given up comes in between.
    private func openReplay() throws(ZeroMQError) {
        replay = nil
        if let replayEndpoint { replay = try Self.connect(.dealer, to: replayEndpoint, [], options, in: context) }
        watchSockets()
    }

    private func watchSockets() {
        poller = Poller()
        for connection in [results, replay].compactMap({ $0 }) {
            _ = poller.watch(connection.socket)
            _ = poller.watch(connection.monitor.socket)
        }
    }

    // MARK: - Reading

    /// Messages that could not be read, so far: a sink of another release.
    public var unreadable: Int { follower.statistics.unreadable }

    /// Counters since the beginning.
    public var statistics: Statistics { follower.statistics }

    /// How far each session has been handed out. Save it once the last event has been dealt with, and give it to a later
    /// subscriber to go on there.
    public var positions: [Position] { follower.positions }

    /// Waits until the sink has been reached. What it publishes from a moment later on arrives here.
    ///
    /// - Returns: false where it was not reached in time; the subscriber goes on trying.
    @discardableResult
    public func waitUntilConnected(timeout: Duration) throws(ZeroMQError) -> Bool {
        let poller = Poller()
        _ = poller.watch(results.monitor.socket)
        let deadline = ContinuousClock.now + timeout
        while deadline > .now {
            try poller.wait(timeout: deadline - .now)
            if try takeConnections() { return true }
        }
        return false
    }

    /// The next event, or nil when none came in time.
    public func next(timeout: Duration) throws(ZeroMQError) -> Event? {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let event = follower.take() { return event }
            let hasRead = try read()
            if let event = follower.take() { return event }
            if hasRead { continue }
            let now = ContinuousClock.now
            guard now < deadline else { return nil }
            let wake = min(deadline, replay == nil ? deadline : follower.wakesAt)
            // Never a spin, whatever the follower wants.
            try poller.wait(timeout: max(.milliseconds(1), wake - now))
        }
    }

    /// Reads one message from each socket and asks for what is missing.
    ///
    /// - Returns: whether there was anything.
    private func read() throws(ZeroMQError) -> Bool {
        try takeConnections()
        let hasResult = try takeResult()
        let hasReplay = try takeReplay()
        return hasResult || hasReplay
    }

    @discardableResult
    private func takeConnections() throws(ZeroMQError) -> Bool {
        var isConnected = false
        try replay?.monitor.checkKeyIsAccepted()
        while let event = try results.monitor.next() {
            guard event.kind != .keyRefused else {
                throw ZeroMQError(code: .keyRefused, operation: "connect to", subject: event.endpoint)
            }
            guard event.kind == .ready else { continue }
            isConnected = true
            follower.noteConnected(at: .now)
        }
        return isConnected
    }

    private func takeResult() throws(ZeroMQError) -> Bool {
        guard let received = try results.socket.receive() else { return false }
        guard case .parts(let parts) = received, parts.count == 2, let topic = parts[0].text else {
            follower.statistics.unreadable += 1
            return true
        }
        if topic.hasPrefix(Topic.posePB), let outcome = try? Outcome(wire: parts[1].bytes) {
            follower.note(outcome, at: .now)
        } else if topic.hasPrefix(Topic.session),
            let event = try? JSONDecoder().decode(SessionEvent.self, from: Data(parts[1].bytes))
        {
            follower.note(event, at: .now)
        } else {
            follower.statistics.unreadable += 1
        }
        return true
    }

    private func takeReplay() throws(ZeroMQError) -> Bool {
        guard let replay else { return false }
        if case .parts(let parts)? = try replay.socket.receive(), let body = parts.last {
            follower.noteReplay(body.bytes, at: .now)
            if follower.takePublisherIsSilent() {
                results = try Self.connect(.subscribe, to: endpoint, topics, options, in: context)
                watchSockets()
            }
            return true
        }
        // Only now: what arrived before the connection was lost has been read.
        var isLost = false
        while let event = try replay.monitor.next() { isLost = isLost || event.kind == .disconnected }
        let now = ContinuousClock.now
        if isLost || follower.isReplayOverdue(at: now) {
            follower.noteReplayLost(at: now)
            try openReplay()
        }
        if let request = follower.nextRequest(at: now), let socket = self.replay?.socket,
            try !socket.send([Message(request)])
        {
            follower.noteReplayLost(at: now)
        }
        return false
    }
}
