internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// A ZeroMQ socket, owned by the thread that made it for its whole life. Not Sendable, on purpose: make it inside the
/// thread's own function (see `runOnThread`).
public final class Socket {
    let handle: UnsafeMutableRawPointer
    /// The context, held so that it outlives the socket; nil for a socket of one of its own threads.
    let context: Context?
    /// What the socket is.
    public let kind: SocketKind
    /// The endpoints this socket is bound to, with wildcards resolved.
    public private(set) var boundEndpoints: [String] = []
    /// What it was made with.
    let options: SocketOptions
    /// What its peers have sent; there is one where it is bound.
    var connections: ConnectionTable?

    /// Makes a socket.
    ///
    /// - Throws: `ZeroMQError` when the context is shut down or has no sockets left.
    public convenience init(
        _ kind: SocketKind, in context: Context, options: SocketOptions = SocketOptions()
    ) throws(ZeroMQError) {
        try self.init(kind, context.handle, context, options)
    }

    /// Makes a socket for one of the context's own threads.
    convenience init(
        _ kind: SocketKind, borrowing handle: ContextHandle, options: SocketOptions = SocketOptions()
    ) throws(ZeroMQError) {
        try self.init(kind, handle, nil, options)
    }

    private init(
        _ kind: SocketKind, _ contextHandle: ContextHandle, _ context: Context?, _ options: SocketOptions
    ) throws(ZeroMQError) {
        guard let handle = zmq_socket(contextHandle.pointer, kind.number) else {
            throw ZeroMQError(code: .init(rawValue: zmq_errno()), operation: "make a \(kind) socket")
        }
        self.handle = handle
        self.context = context
        self.kind = kind
        self.options = options
        try apply(options)
    }

    deinit {
        zmq_close(handle)
    }

    /// Binds to an endpoint and returns it as libzmq resolved it: `tcp://127.0.0.1:*` gets a free port.
    ///
    /// Whoever may connect is decided before: by keys where the context has some, else by what the endpoint can be
    /// reached from. A socket with keys is bound only if strangers are provably refused.
    @discardableResult
    public func bind(_ endpoint: String) throws(ZeroMQError) -> String {
        let isOutside = !endpoint.hasPrefix("inproc://")
        if isOutside { try protect(endpoint) }
        let connections = isOutside ? try guardConnections() : nil
        _ = try check("bind", endpoint) { zmq_bind(handle, endpoint) }
        let resolved = try string(ZMQ_LAST_ENDPOINT)
        self.connections = connections ?? self.connections
        if isOutside { try refuseStrangers(at: resolved) }
        boundEndpoints.append(resolved)
        return resolved
    }

    /// Connects to an endpoint. libzmq connects in the background and again whenever the connection is lost.
    public func connect(_ endpoint: String) throws(ZeroMQError) {
        if !endpoint.hasPrefix("inproc://") { try introduce(to: endpoint) }
        _ = try check("connect to", endpoint) { zmq_connect(handle, endpoint) }
    }

    /// How many connections it has now, where it is bound.
    public var peerCount: Int { connections?.state.withLock { $0.connections.count } ?? 0 }
    /// How many peers that had sent messages were lost since the socket was bound.
    public var lostPeerCount: Int { connections?.state.withLock { $0.lost } ?? 0 }

    /// How often a peer that had sent messages then sent nothing more, not even a heartbeat, for `heartbeatInterval` and
    /// `heartbeatTimeout` together. Only for peers that send heartbeats, over TCP: libzmq itself does not notice, because
    /// it forgets the time to live of a heartbeat with the next message.
    public var silenceCount: Int { connections?.state.withLock { $0.silences } ?? 0 }

    /// Drops the connection to an endpoint, and with it what still waits to be sent there.
    public func disconnect(_ endpoint: String) throws(ZeroMQError) {
        _ = try check("disconnect from", endpoint) { zmq_disconnect(handle, endpoint) }
    }

    /// SUB: asks for messages whose first part begins with `prefix`.
    public func subscribe(_ prefix: String) throws(ZeroMQError) {
        try set(ZMQ_SUBSCRIBE, bytes: Array(prefix.utf8))
    }

    /// SUB: takes one `subscribe` back.
    public func unsubscribe(_ prefix: String) throws(ZeroMQError) {
        try set(ZMQ_UNSUBSCRIBE, bytes: Array(prefix.utf8))
    }

    // MARK: - Options

    private func apply(_ options: SocketOptions) throws(ZeroMQError) {
        try set(ZMQ_SNDHWM, options.sendHighWaterMark)
        try set(ZMQ_RCVHWM, options.receiveHighWaterMark)
        try set(ZMQ_MAXMSGSIZE, options.maxMessageSize)
        try set(ZMQ_LINGER, milliseconds: options.linger)
        try set(ZMQ_IPV6, 0)
        if let interval = options.heartbeatInterval, queueCannotFill {
            try set(ZMQ_HEARTBEAT_IVL, milliseconds: interval)
            try set(ZMQ_HEARTBEAT_TIMEOUT, milliseconds: options.heartbeatTimeout)
            try set(ZMQ_HEARTBEAT_TTL, milliseconds: options.heartbeatTimeout)
        }
        // Finds a dead machine or network where no heartbeat does.
        try set(ZMQ_TCP_KEEPALIVE, 1)
        try set(ZMQ_TCP_KEEPALIVE_IDLE, 5)
        try set(ZMQ_TCP_KEEPALIVE_INTVL, 1)
        try set(ZMQ_TCP_KEEPALIVE_CNT, 5)
        try set(ZMQ_HANDSHAKE_IVL, milliseconds: options.handshakeInterval)
        try set(ZMQ_RECONNECT_IVL, milliseconds: options.reconnectInterval.lowerBound)
        try set(ZMQ_RECONNECT_IVL_MAX, milliseconds: options.reconnectInterval.upperBound)
        if let timeout = options.sendTimeout { try set(ZMQ_SNDTIMEO, milliseconds: timeout) }
        if let timeout = options.receiveTimeout { try set(ZMQ_RCVTIMEO, milliseconds: timeout) }
        if let id = options.routingID { try set(ZMQ_ROUTING_ID, bytes: id) }
        if kind == .router { try set(ZMQ_ROUTER_MANDATORY, options.routerMandatory ? 1 : 0) }
        if kind == .extendedPublish { try set(ZMQ_XPUB_VERBOSE, options.reportsEverySubscription ? 1 : 0) }
    }

    /// Whether what was received can never wait for this socket's owner.
    private var queueCannotFill: Bool {
        switch kind {
        case .push: true
        case .subscribe, .dealer: options.receiveHighWaterMark == 0
        default: false
        }
    }

    func set(_ option: Int32, _ value: Int) throws(ZeroMQError) {
        var value = Int32(clamping: value)
        _ = try check("set socket option \(option)") {
            zmq_setsockopt(handle, option, &value, MemoryLayout<Int32>.size)
        }
    }

    private func set(_ option: Int32, _ value: Int64) throws(ZeroMQError) {
        var value = value
        _ = try check("set socket option \(option)") {
            zmq_setsockopt(handle, option, &value, MemoryLayout<Int64>.size)
        }
    }

    private func set(_ option: Int32, milliseconds duration: Duration) throws(ZeroMQError) {
        try set(option, duration.wholeMilliseconds)
    }

    private func set(_ option: Int32, bytes: [UInt8]) throws(ZeroMQError) {
        _ = try check("set socket option \(option)") { zmq_setsockopt(handle, option, bytes, bytes.count) }
    }

    func string(_ option: Int32) throws(ZeroMQError) -> String {
        var buffer = [CChar](repeating: 0, count: 1024)
        var size = buffer.count
        _ = try check("read socket option \(option)") { zmq_getsockopt(handle, option, &buffer, &size) }
        return String(decoding: buffer.prefix(max(0, size - 1)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func set(_ option: Int32, text: String) throws(ZeroMQError) {
        try set(option, bytes: Array(text.utf8))
    }

    func number(_ option: Int32) throws(ZeroMQError) -> Int32 {
        var value: Int32 = 0
        var size = MemoryLayout<Int32>.size
        _ = try check("read socket option \(option)") { zmq_getsockopt(handle, option, &value, &size) }
        return value
    }
}

extension SocketKind {
    fileprivate var number: Int32 {
        switch self {
        case .push: ZMQ_PUSH
        case .pull: ZMQ_PULL
        case .router: ZMQ_ROUTER
        case .dealer: ZMQ_DEALER
        case .request: ZMQ_REQ
        case .reply: ZMQ_REP
        case .publish: ZMQ_PUB
        case .subscribe: ZMQ_SUB
        case .extendedPublish: ZMQ_XPUB
        case .pair: ZMQ_PAIR
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero.
    var wholeMilliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
