internal import Messages
internal import Security
internal import ZeroMQ

/// The subscriptions to what the sinks have stored: one topic a session. Owned by ingest's thread.
struct Acknowledgements {
    /// What happened to a sink's connection.
    enum Change {
        case connected(String)
        case lost(String)
        case back(String)
        case keyRefused(String)
    }

    private struct Sink {
        let connector: Connector
        let token: Poller.Token
        var wasLost = false
    }

    private var sinks: [Sink]
    private let poller: Poller

    init(_ configuration: IngestConfiguration, context: Context, poller: Poller) throws {
        self.poller = poller
        var options = configuration.sockets
        options.receiveHighWaterMark = 0  // never full: see `SocketOptions.heartbeatInterval`
        options.maxMessageSize = Int64(4096 + maxSessionStateLength)
        options.server = .sink
        sinks = try configuration.acknowledgements.map { endpoint in
            let connector = try Connector(.subscribe, to: endpoint, in: context, options: options)
            return Sink(connector: connector, token: connector.watch(with: poller))
        }
    }

    func subscribe(to session: SessionID) throws {
        for sink in sinks { try sink.connector.socket.subscribe(Self.topic(session)) }
    }

    func unsubscribe(from session: SessionID) throws {
        for sink in sinks { try sink.connector.socket.unsubscribe(Self.topic(session)) }
    }

    private static func topic(_ session: SessionID) -> String {
        Topic.acknowledgement + session.description
    }

    /// Every acknowledgement that has arrived, or the reason why one cannot be read.
    func receive(_ handle: (Result<Acknowledgement, WireError>) throws -> Void) throws {
        for sink in sinks where poller.isReadable(sink.token) {
            while let received = try sink.connector.socket.receive() {
                guard case .parts(let parts) = received, parts.count == 2 else {
                    try handle(.failure(.malformed(message: "Acknowledgement")))
                    continue
                }
                try handle(Result { () throws(WireError) in try Acknowledgement(wire: parts[1].bytes) })
            }
        }
    }

    /// The sinks that are not connected.
    var unreachable: [String] { sinks.filter { !$0.connector.isUp }.map(\.connector.endpoint) }

    /// The sinks that came for the first time, those that went, and those that came back.
    mutating func changes(at now: ContinuousClock.Instant) throws -> [Change] {
        var changes: [Change] = []
        for index in sinks.indices {
            let endpoint = sinks[index].connector.endpoint
            for change in try sinks[index].connector.changes(at: now) {
                switch change {
                case .up where sinks[index].wasLost:
                    sinks[index].wasLost = false
                    changes.append(.back(endpoint))
                case .up: changes.append(.connected(endpoint))
                case .lost:
                    sinks[index].wasLost = true
                    changes.append(.lost(endpoint))
                case .keyRefused: changes.append(.keyRefused(endpoint))
                }
            }
        }
        return changes
    }
}
