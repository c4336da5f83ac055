internal import Messages
internal import Security
internal import ZeroMQ

/// The XPUB socket on which ingest learns what is stored: `[ack/<session>][Acknowledgement]`.
///
/// A subscription is answered with the session's present state at once, so that whatever was lost while ingest or sink
/// were away heals when they are connected again.
struct AcknowledgementPublisher {
    let socket: Socket

    /// Makes the socket; it is not bound yet.
    init(options: SocketOptions, in context: Context) throws(ZeroMQError) {
        var options = options
        options.sendHighWaterMark = 1000
        options.receiveHighWaterMark = 1000  // subscriptions
        options.maxMessageSize = 4096
        options.linger = .seconds(1)
        options.accepts = .ingest
        // Also a subscription to a session that another ingest watches, or the same one before it was disconnected.
        options.reportsEverySubscription = true
        socket = try Socket(.extendedPublish, in: context, options: options)
    }

    /// The sessions that somebody has begun to watch.
    func takeSubscriptions() throws(ZeroMQError) -> [SessionID] {
        var sessions: [SessionID] = []
        var changes = SubscriptionSet(limit: 0)
        for _ in 0..<subscriptionsPerTurn {
            guard let received = try socket.receive(maxParts: 1) else { break }
            guard case .parts(let parts) = received, case .subscribed(let topic)? = changes.apply(parts[0].bytes),
                topic.hasPrefix(Topic.acknowledgement),
                let session = SessionID(topic.dropFirst(Topic.acknowledgement.count))
            else { continue }
            sessions.append(session)
        }
        return sessions
    }

    /// Publishes the state of a session. One that is lost is made up for by the next, or by a resend.
    func publish(_ acknowledgement: Acknowledgement) throws(ZeroMQError) {
        _ = try socket.send([
            Message(Topic.acknowledgement + acknowledgement.session.description),
            Message(acknowledgement.wireBytes()),
        ])
    }
}
