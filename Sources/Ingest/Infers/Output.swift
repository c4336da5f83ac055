internal import Delivery
internal import Messages
internal import Security
internal import ZeroMQ

/// The way to one infer. Owned by ingest's thread.
final class Output {
    let endpoint: String
    /// Where it is known from.
    let source: InferSource
    /// Its connection and the poller's token for it; nil where none could be made, or it has left the list.
    private(set) var link: (connector: Connector, token: Poller.Token)?
    /// When to try again where no connection could be made.
    private(set) var nextTry: ContinuousClock.Instant?
    /// Its socket takes no more for now.
    private(set) var isBlocked = false
    /// Sessions with something to send, each once.
    var ready = FIFO<Session>()
    /// What it has of all sessions together.
    var inFlight = (frames: 0, bytes: 0)
    /// Since when it has frames of which none was acknowledged.
    var waitingSince: ContinuousClock.Instant?
    /// Whether the log says that nothing comes back.
    var isStalled = false
    /// Sessions that may hold the frame that costs this infer its life.
    var probation = Probation<SessionID>()

    /// After a connection that could not be made.
    private static let pause = Duration.seconds(5)

    init(endpoint: String, source: InferSource) {
        self.endpoint = endpoint
        self.source = source
    }

    var isConnected: Bool { link?.connector.isUp ?? false }

    /// Makes the connection, which then goes on by itself.
    ///
    /// - Throws: where its endpoint is none, or there is no certificate for it.
    func connect(_ options: SocketOptions, in context: Context, poller: Poller) throws(ZeroMQError) {
        guard link == nil else { return }
        var options = options
        options.sendHighWaterMark = 64
        options.server = .infer
        if case .name = source { options.serverAlias = source.description }
        // Frames wait for it: an infer that has loaded its models, or is back, is found at once.
        options.reconnectInterval = .milliseconds(20) ... .milliseconds(100)
        let connector = try Connector(.push, to: endpoint, in: context, options: options)
        let token = connector.watch(with: poller)
        poller.setInterest(token, receiving: false)
        link = (connector, token)
        nextTry = nil
    }

    /// Ends the connection, with all that is on its way.
    ///
    /// - Parameter retryAt: nil where that is for good.
    func disconnect(from poller: Poller, retryAt now: ContinuousClock.Instant? = nil) {
        link?.connector.unwatch(from: poller)
        link = nil
        isBlocked = false
        nextTry = now.map { $0 + Self.pause }
    }

    /// Hands a message to the socket.
    ///
    /// - Returns: false where it takes none now; the poller then waits until it does.
    func send(_ parts: [Message], poller: Poller) throws -> Bool {
        guard let link else { return false }
        if try link.connector.socket.send(parts) { return true }
        isBlocked = true
        poller.setInterest(link.token, receiving: false, sending: true)
        return false
    }

    /// Takes note of what the poller found.
    func changes(at now: ContinuousClock.Instant, poller: Poller) throws(ZeroMQError) -> [Connector.Change] {
        guard let link else { return [] }
        if isBlocked, poller.isWritable(link.token) { unblock(link.token, poller) }
        let changes = try link.connector.changes(at: now)
        if changes.contains(.lost) { unblock(link.token, poller) }
        return changes
    }

    private func unblock(_ token: Poller.Token, _ poller: Poller) {
        isBlocked = false
        poller.setInterest(token, receiving: false)
    }
}
