internal import Foundation
internal import Messages
internal import Security
internal import Store
internal import ZeroMQ

/// The XPUB socket on which subscribers get results: `[topic][body]`, under `pose/json/<stream>`, `pose/pb/<stream>` and
/// `session/json/<stream>`. A form that nobody asked for is not made.
///
/// A subscriber that reads too slowly loses what does not fit its queue; it can fetch it by replay.
struct ResultPublisher {
    let socket: Socket
    private var subscriptions = SubscriptionSet()
    private var wanted: [StreamName: Topics] = [:]
    /// Messages handed to libzmq.
    private(set) var count = 0

    /// The topics of one stream that somebody wants.
    private struct Topics {
        let json, pb, session: Message?
    }

    /// Makes the socket; it is not bound yet.
    init(options: SocketOptions, in context: Context) throws(ZeroMQError) {
        var options = options
        options.sendHighWaterMark = 1000
        options.receiveHighWaterMark = 1000  // subscriptions
        options.maxMessageSize = 4096
        options.linger = .seconds(1)
        options.accepts = .subscribers
        options.reportsEverySubscription = false
        socket = try Socket(.extendedPublish, in: context, options: options)
    }

    /// Takes what subscribers have asked for since.
    mutating func takeSubscriptions() throws(ZeroMQError) {
        for _ in 0..<subscriptionsPerTurn {
            guard let received = try socket.receive(maxParts: 1) else { return }
            guard case .parts(let parts) = received, subscriptions.apply(parts[0].bytes) != nil else { continue }
            wanted.removeAll(keepingCapacity: true)
        }
    }

    /// Publishes an outcome that is in the store, by its protobuf there.
    mutating func publish(_ body: Data, of stream: StreamName) throws(ZeroMQError) {
        let topics = topics(of: stream)
        if let topic = topics.pb { try send(topic, Message(body)) }
        // It was read when it came (`OutcomeSummary`), so it can be read again.
        if let topic = topics.json, let outcome = try? Outcome(wire: Array(body)) {
            try send(topic, Message(outcome.jsonBytes()))
        }
    }

    /// Publishes the beginning or the end of a session.
    mutating func publish(_ event: SessionEvent, of stream: StreamName) throws(ZeroMQError) {
        if let topic = topics(of: stream).session { try send(topic, Message(event.jsonBytes())) }
    }

    private mutating func send(_ topic: Message, _ body: Message) throws(ZeroMQError) {
        if try socket.send([topic, body]) { count += 1 }
    }

    private mutating func topics(of stream: StreamName) -> Topics {
        if let topics = wanted[stream] { return topics }
        func wantedTopic(_ prefix: String) -> Message? {
            let topic = prefix + stream.description
            return subscriptions.wants(topic) ? Message(topic) : nil
        }
        let topics = Topics(
            json: wantedTopic(Topic.poseJSON), pb: wantedTopic(Topic.posePB), session: wantedTopic(Topic.session))
        if wanted.count >= streamsRemembered { wanted.removeAll(keepingCapacity: true) }
        wanted[stream] = topics
        return topics
    }
}

/// Subscriptions read at one go before anything else gets its turn.
let subscriptionsPerTurn = 256
/// Streams whose topics are kept ready.
private let streamsRemembered = 10_000

/// The body of `session/json/<stream>`.
struct SessionEvent: Encodable {
    enum Kind: String, Encodable {
        case begin, end
    }

    var v = ProtocolVersion.written
    let event: Kind
    let stream: String
    let session: String
    /// Outcomes in the store so far; at the end, all.
    let frames, poses, drops: UInt64
    /// At the end: whether all frames are stored. False where ingest is gone and with it what it held.
    var complete: Bool?

    /// The end of a session that its ingest could not end.
    init(cutOff record: SessionRecord) {
        event = .end
        stream = record.stream.description
        session = record.session.description
        frames = record.poses + record.drops
        poses = record.poses
        drops = record.drops
        complete = false
    }

    init(_ event: Kind, of session: SinkSession) {
        self.event = event
        stream = session.stream.description
        self.session = session.committed.session.description
        frames = session.poses + session.drops
        poses = session.poses
        drops = session.drops
        complete = event == .end ? true : nil
    }

    func jsonBytes() -> [UInt8] { json(self) }
}

/// A small message as one line of JSON, keys sorted.
func json(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
        return try Array(encoder.encode(value))
    } catch {
        preconditionFailure("a message of numbers and texts could not be written as JSON: \(error)")
    }
}
