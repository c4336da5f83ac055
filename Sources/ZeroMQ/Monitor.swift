internal import CZeroMQ
internal import Synchronization

/// What happens to the connections of one socket, as libzmq reports it.
public final class Monitor {
    /// One change of a connection.
    public struct Event: Sendable, Equatable {
        /// What happened.
        public enum Kind: Sendable, Equatable {
            case connected, listening, accepted, closed, disconnected, ready
            case connectRetried, bindFailed, acceptFailed
            case handshakeFailed
            /// The peer does not know this key, or has another one than expected.
            case keyRefused
            case other(UInt16)
        }

        /// What happened.
        public let kind: Kind
        /// The endpoint it happened to.
        public let endpoint: String
        /// libzmq's detail: a file descriptor, an errno or an interval.
        public let value: UInt32
    }

    /// The socket on which the events arrive; register it with a `Poller`.
    public let socket: Socket

    private static let nextNumber = Atomic<UInt64>(0)

    /// Starts watching `watched`. Use both on the thread that owns them.
    public init(watching watched: Socket, in context: Context) throws(ZeroMQError) {
        let endpoint = try Self.start(watching: watched, for: ZMQ_EVENT_ALL)
        socket = try Socket(.pair, in: context, options: Self.options)
        try socket.connect(endpoint)
    }

    /// Lets a socket report events, on its own thread.
    ///
    /// - Returns: where a monitor, on whatever thread, receives them. libzmq has one for each socket: that of a bound
    ///   socket belongs to the `ConnectionGuard`.
    static func start(watching watched: Socket, for events: Int32) throws(ZeroMQError) -> String {
        let number = nextNumber.wrappingAdd(1, ordering: .relaxed).newValue
        let endpoint = "inproc://posebus-monitor-\(number)"
        _ = try check("monitor a socket") { zmq_socket_monitor(watched.handle, endpoint, events) }
        return endpoint
    }

    /// Receives the events of a socket that reports them at `endpoint`, on one of the context's own threads.
    init(reading endpoint: String, borrowing handle: ContextHandle) throws(ZeroMQError) {
        socket = try Socket(.pair, borrowing: handle, options: Self.options)
        try socket.connect(endpoint)
    }

    private static var options: SocketOptions {
        var options = SocketOptions()
        options.receiveHighWaterMark = 1000
        return options
    }

    /// Reads all events. Whoever only wants to know of a refused key calls it now and then: libzmq's I/O thread waits
    /// for ever once some thousand events lie unread.
    ///
    /// - Throws: `ZeroMQError` with `.keyRefused` where the peer does not let this key in.
    public func checkKeyIsAccepted() throws(ZeroMQError) {
        while let event = try next() {
            guard event.kind != .keyRefused else {
                throw ZeroMQError(code: .keyRefused, operation: "connect to", subject: event.endpoint)
            }
        }
    }

    /// The next event, or nil when there is none.
    public func next() throws(ZeroMQError) -> Event? {
        guard case .parts(let parts)? = try socket.receive(), parts.count == 2, parts[0].count >= 6 else { return nil }
        let (number, value) = parts[0].withUnsafeBytes {
            ($0.loadUnaligned(as: UInt16.self), $0.loadUnaligned(fromByteOffset: 2, as: UInt32.self))
        }
        return Event(kind: Self.kind(Int32(number)), endpoint: parts[1].text ?? "", value: value)
    }

    private static func kind(_ number: Int32) -> Event.Kind {
        switch number {
        case ZMQ_EVENT_CONNECTED: .connected
        case ZMQ_EVENT_LISTENING: .listening
        case ZMQ_EVENT_ACCEPTED: .accepted
        case ZMQ_EVENT_CLOSED: .closed
        case ZMQ_EVENT_DISCONNECTED: .disconnected
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: .ready
        case ZMQ_EVENT_CONNECT_RETRIED, ZMQ_EVENT_CONNECT_DELAYED: .connectRetried
        case ZMQ_EVENT_BIND_FAILED: .bindFailed
        case ZMQ_EVENT_ACCEPT_FAILED: .acceptFailed
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: .handshakeFailed
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: .keyRefused
        default: .other(UInt16(clamping: number))
        }
    }
}
