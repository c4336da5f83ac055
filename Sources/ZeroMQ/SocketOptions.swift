/// The kind of a socket, by its name in ZeroMQ.
public enum SocketKind: Sendable {
    case push, pull, router, dealer, request, reply, publish, subscribe, extendedPublish, pair
}

/// What a socket is allowed to hold and to accept, set before it binds or connects.
///
/// libzmq's own defaults are open-ended (no limit on message size, no heartbeat, wait for ever when closing). These
/// are bounded: whatever must survive is kept by the window of whoever sends it, never by a socket.
public struct SocketOptions: Sendable {
    /// How many messages may wait to be sent, per connection.
    public var sendHighWaterMark = 16
    /// How many received messages may wait, per connection.
    public var receiveHighWaterMark = 16
    /// The largest part accepted, in bytes. libzmq closes the connection of a peer that sends a larger one.
    public var maxMessageSize: Int64 = 64 << 20
    /// How long closing waits for unsent messages. Zero, except where a last answer must still leave.
    public var linger: Duration = .zero
    /// How often a silent peer is asked whether it is still there; nil turns it off.
    ///
    /// Only sockets ask whose queue cannot fill: PUSH, and SUB and DEALER with `receiveHighWaterMark` 0. While a queue is
    /// full libzmq reads nothing, so it takes its peer for dead, and where the connection breaks meanwhile it aborts the
    /// process (libzmq 4.3.4 and 4.3.5, issue 3937). Bound sockets answer and count silences
    /// (`Socket.silenceCount`).
    public var heartbeatInterval: Duration? = .milliseconds(500)
    /// How long a peer may take to answer a heartbeat before its connection is closed.
    public var heartbeatTimeout: Duration = .milliseconds(1500)
    /// How long a new connection may take to greet properly.
    public var handshakeInterval: Duration = .seconds(3)
    /// The first and the longest pause before connecting again.
    public var reconnectInterval: ClosedRange<Duration> = .milliseconds(50) ... .milliseconds(1000)
    /// How long a send may block. Nil: for as long as it takes.
    public var sendTimeout: Duration?
    /// How long a receive may block. Nil: for as long as it takes.
    public var receiveTimeout: Duration?
    /// The name by which a ROUTER knows this socket.
    public var routingID: [UInt8]?
    /// ROUTER: sending to a peer that is gone fails instead of dropping silently.
    public var routerMandatory = true
    /// XPUB: report every subscription, also one that another subscriber already holds.
    public var reportsEverySubscription = true

    /// Who may connect once it is bound, where the context has keys. Needed there: a socket without it does not bind.
    public var accepts: PeerGroup?
    /// Whom it connects to, where the context has keys. Needed there: a socket without it does not connect.
    public var server: PeerGroup?
    /// Another name of the endpoint it connects to, under which its peer's certificate may be known too.
    public var serverAlias: String?
    /// Connects without keys although the context has some: to devices that know none.
    public var connectsWithoutKeys = false
    /// Connections a bound socket may have at once. Beyond it whoever has said least is cut off.
    public var maxConnections = 256
    /// Bytes of messages whose last part has not come, of all connections of a bound socket together. Beyond it the
    /// largest is cut off.
    public var maxUnfinishedBytes = 128 << 20

    /// Bounded defaults.
    public init() {}
}
