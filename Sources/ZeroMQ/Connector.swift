/// A socket that connects to one endpoint and stays connected to it whatever happens there.
///
/// libzmq connects again after a lost connection, but never where what came was not ZMTP: one flipped bit, or another
/// program on the port for a moment, is enough. And what it holds for the lost peer reaches the next one before anything
/// that is sent again. So a lost connection is dropped with all it held and made anew.
///
/// Use it on the thread that made it.
public final class Connector {
    /// What happened to the connection.
    public enum Change: Sendable, Equatable {
        /// It stands.
        case up
        /// It is gone, and with it what was sent and not yet received.
        case lost
        /// The peer does not know this key, or has another one than expected. It is tried again all the same.
        case keyRefused
    }

    /// The socket, connected to nothing else.
    public let socket: Socket
    /// Where it connects to.
    public let endpoint: String
    /// Whether the connection stands, as far as `changes` has told.
    public private(set) var isUp = false
    private let monitor: Monitor
    private var nextTry: ContinuousClock.Instant?
    /// Where it is watched. Weak, or whoever holds one connection would hold all sockets that are watched with it.
    private weak var poller: Poller?
    private var tokens: (socket: Poller.Token, monitor: Poller.Token)?

    /// After a peer that did not speak ZMTP, or not with this key.
    private static let pause = Duration.seconds(1)

    /// Makes a socket and begins to connect.
    ///
    /// - Throws: `ZeroMQError` for an endpoint that is none.
    public init(
        _ kind: SocketKind, to endpoint: String, in context: Context, options: SocketOptions
    ) throws(ZeroMQError) {
        self.endpoint = endpoint
        socket = try Socket(kind, in: context, options: options)
        monitor = try Monitor(watching: socket, in: context)
        try socket.connect(endpoint)
    }

    /// Lets a poller wake up for changes too.
    ///
    /// - Returns: the socket's own token.
    public func watch(with poller: Poller) -> Poller.Token {
        let token = poller.watch(socket)
        self.poller = poller
        tokens = (token, poller.watch(monitor.socket))
        return token
    }

    /// Takes it out of a poller again, so that it ends with its last owner.
    public func unwatch(from poller: Poller) {
        guard let tokens else { return }
        poller.unwatch(tokens.socket)
        poller.unwatch(tokens.monitor)
        self.tokens = nil
    }

    /// What has happened since the last call. Call it whenever the poller wakes up, and at least once a second.
    public func changes(at now: ContinuousClock.Instant = .now) throws(ZeroMQError) -> [Change] {
        var changes: [Change] = []
        while hasNews, let event = try monitor.next() {
            switch event.kind {
            case .ready where !isUp:
                isUp = true
                changes.append(.up)
            case .disconnected where isUp:
                isUp = false
                changes.append(.lost)
                try renew()
            // Before it stood: what came was not ZMTP, or of a version that has no handshake to fail.
            case .handshakeFailed, .disconnected:
                nextTry = nextTry ?? now + Self.pause
            case .keyRefused:
                nextTry = nextTry ?? now + Self.pause
                changes.append(.keyRefused)
            default: break
            }
        }
        if let nextTry, now >= nextTry {
            self.nextTry = nil
            if !isUp { try renew() }
        }
        return changes
    }

    /// Whether there may be something to read of the connection.
    private var hasNews: Bool {
        guard let poller, let tokens else { return true }
        return poller.isReadable(tokens.monitor)
    }

    private func renew() throws(ZeroMQError) {
        try socket.disconnect(endpoint)
        // A connection that libzmq made again meanwhile ended with that.
        while try monitor.next() != nil {}
        try socket.connect(endpoint)
    }
}
