internal import Foundation
internal import Messages
internal import Store
internal import ZeroMQ

/// Publishes results. A form that nobody subscribes to is not made.
final class Publisher {
    let socket: Socket
    /// The prefixes that subscribers asked for.
    private var subscriptions: Set<String> = []

    init(_ configuration: SinkConfiguration, context: Context, poller: Poller) throws {
        var options = SocketOptions()
        options.sendHighWaterMark = configuration.subscriberHighWaterMark
        options.linger = .seconds(1)
        // Only the first subscription and the last unsubscription of each prefix are reported: a set is enough.
        options.reportsEverySubscription = false
        socket = try Socket(.extendedPublish, in: context, options: options)
        try socket.bind(configuration.results)
        _ = poller.watch(socket)
    }

    /// Reads what subscribers ask for.
    func noteSubscriptions() throws {
        while let change = try socket.nextSubscription() {
            if change.isSubscribed {
                subscriptions.insert(change.prefix)
            } else {
                subscriptions.remove(change.prefix)
            }
        }
    }

    /// Publishes one stored outcome in each form somebody wants.
    func publish(_ record: OutcomeRecord) throws {
        let binary = Topic.posePB + record.stream.description
        if isWanted(binary) { _ = try socket.send([Message(binary), Message(record.body)]) }
        let json = Topic.poseJSON + record.stream.description
        if isWanted(json) { _ = try socket.send([Message(json), Message(try record.outcome().jsonBytes())]) }
    }

    /// Announces a session of which the store knew nothing.
    func publishBegin(_ stream: StreamName, _ session: SessionID) throws {
        try publish(SessionAnnouncement(event: "begin", stream: stream, session: session), of: stream)
    }

    /// Announces that a session is complete in the store.
    func publishEnd(_ end: EndRecord, poses: UInt64, drops: UInt64) throws {
        try publish(
            SessionAnnouncement(
                event: "end", stream: end.stream, session: end.session, frames: end.frames, poses: poses, drops: drops),
            of: end.stream)
    }

    private func publish(_ announcement: SessionAnnouncement, of stream: StreamName) throws {
        let topic = Topic.session + stream.description
        guard isWanted(topic) else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        _ = try socket.send([Message(topic), Message(try encoder.encode(announcement))])
    }

    private func isWanted(_ topic: String) -> Bool {
        subscriptions.contains { topic.hasPrefix($0) }
    }
}

private struct SessionAnnouncement: Encodable {
    let v = ProtocolVersion.current
    let event: String
    let stream: String
    let session: String
    let frames, poses, drops: UInt64

    init(
        event: String, stream: StreamName, session: SessionID, frames: UInt64 = 0, poses: UInt64 = 0, drops: UInt64 = 0
    ) {
        self.event = event
        self.stream = stream.description
        self.session = session.description
        self.frames = frames
        self.poses = poses
        self.drops = drops
    }
}

/// Publishes acknowledgements, each under its session's topic.
final class Acknowledger {
    let socket: Socket

    init(_ configuration: SinkConfiguration, context: Context, poller: Poller) throws {
        var options = SocketOptions()
        options.sendHighWaterMark = 10_000
        options.linger = .seconds(1)
        socket = try Socket(.extendedPublish, in: context, options: options)
        try socket.bind(configuration.acknowledgements)
        _ = poller.watch(socket)
    }

    /// Sessions that an ingest has just subscribed to: it is told at once where they stand.
    func newSubscriptions() throws -> [SessionID] {
        var sessions: [SessionID] = []
        while let change = try socket.nextSubscription() {
            guard change.isSubscribed, change.prefix.hasPrefix(Topic.acknowledgement) else { continue }
            if let session = SessionID(change.prefix.dropFirst(Topic.acknowledgement.count)) { sessions.append(session) }
        }
        return sessions
    }

    /// Publishes one acknowledgement.
    func send(_ acknowledgement: Acknowledgement) throws {
        let topic = Message(Topic.acknowledgement + acknowledgement.session.description)
        _ = try socket.send([topic, Message(acknowledgement.wireBytes())])
    }
}

extension Socket {
    /// XPUB: the next change of what subscribers ask for, or nil.
    fileprivate func nextSubscription() throws -> (isSubscribed: Bool, prefix: String)? {
        while let received = try receive(maxParts: 1) {
            guard case .parts(let parts) = received, let flag = parts[0].bytes.first, flag <= 1 else { continue }
            return (flag == 1, String(decoding: parts[0].bytes.dropFirst(), as: UTF8.self))
        }
        return nil
    }
}
