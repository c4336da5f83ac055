internal import Messages
internal import Security
internal import ZeroMQ

/// The subscription to what the sinks have stored: one topic a session. Owned by ingest's thread.
struct Acknowledgements {
    private let socket: Socket
    private let monitor: Monitor
    private let token: Poller.Token
    private let monitorToken: Poller.Token
    private let poller: Poller
    private var lost: Set<String> = []

    init(_ configuration: IngestConfiguration, context: Context, poller: Poller) throws {
        self.poller = poller
        var options = configuration.sockets
        options.receiveHighWaterMark = 0  // never full: see `SocketOptions.heartbeatInterval`
        options.maxMessageSize = 4096
        options.server = .sink
        socket = try Socket(.subscribe, in: context, options: options)
        monitor = try Monitor(watching: socket, in: context)
        token = poller.watch(socket)
        monitorToken = poller.watch(monitor.socket)
        for endpoint in configuration.acknowledgements { try socket.connect(endpoint) }
    }

    func subscribe(to session: SessionID) throws {
        try socket.subscribe(Self.topic(session))
    }

    func unsubscribe(from session: SessionID) throws {
        try socket.unsubscribe(Self.topic(session))
    }

    private static func topic(_ session: SessionID) -> String {
        Topic.acknowledgement + session.description
    }

    /// Every acknowledgement that has arrived, or the reason why one cannot be read.
    func receive(_ handle: (Result<Acknowledgement, WireError>) throws -> Void) throws {
        guard poller.isReadable(token) else { return }
        while let received = try socket.receive() {
            guard case .parts(let parts) = received, parts.count == 2 else {
                try handle(.failure(.malformed(message: "Acknowledgement")))
                continue
            }
            try handle(Result { () throws(WireError) in try Acknowledgement(wire: parts[1].bytes) })
        }
    }

    /// The sinks that went, and those that came back.
    mutating func changes() throws -> (lost: [String], back: [String]) {
        var lostNow: [String] = []
        var back: [String] = []
        guard poller.isReadable(monitorToken) else { return ([], []) }
        while let event = try monitor.next() {
            switch event.kind {
            case .disconnected where lost.insert(event.endpoint).inserted: lostNow.append(event.endpoint)
            case .ready where lost.remove(event.endpoint) != nil: back.append(event.endpoint)
            default: break
            }
        }
        return (lostNow, back)
    }
}
