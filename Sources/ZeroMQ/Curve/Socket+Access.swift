internal import CZeroMQ
internal import Glibc
internal import Synchronization

extension Socket {
    /// Prepares a socket for binding to an endpoint that others can reach: with keys, or not at all.
    ///
    /// Every option is read back: one that libzmq took silently and does not know would leave the door open.
    func protect(_ endpoint: String) throws(ZeroMQError) {
        switch context?.access {
        case .anybody: return
        case .keys(let ring):
            guard let group = options.accepts else {
                throw ZeroMQError(code: .peersUnknown, operation: "bind", subject: endpoint)
            }
            try set(ZMQ_CURVE_SERVER, 1)
            try set(ZMQ_CURVE_SECRETKEY, text: ring.own.secretKey.z85)
            try set(ZMQ_ZAP_DOMAIN, text: group.rawValue)
            try set(posebus_zmq_zap_enforce_domain, 1)
            let took = [
                try number(ZMQ_MECHANISM) == ZMQ_CURVE, try number(ZMQ_CURVE_SERVER) == 1,
                try string(ZMQ_ZAP_DOMAIN) == group.rawValue, !group.rawValue.isEmpty,
                try number(posebus_zmq_zap_enforce_domain) == 1,
            ]
            guard !took.contains(false) else {
                throw ZeroMQError(code: .strangersAdmitted, operation: "bind", subject: endpoint)
            }
        case .thisMachine, nil:
            guard isLocal(endpoint) else {
                throw ZeroMQError(code: .unprotected, operation: "bind", subject: endpoint)
            }
        }
    }

    /// Sends strangers to a socket that has just been bound.
    ///
    /// - Throws: where one is not turned away. The socket must not be used then.
    func refuseStrangers(at endpoint: String) throws(ZeroMQError) {
        guard case .keys(let ring)? = context?.access else { return }
        try SelfTest(endpoint: endpoint, kind: kind, ring: ring).run()
    }

    /// Prepares a socket for connecting: with its own key, and only to whoever has the expected one.
    func introduce(to endpoint: String) throws(ZeroMQError) {
        guard case .keys(let ring)? = context?.access, !options.connectsWithoutKeys else { return }
        // Whoever is connected to may be newer than what was read at the start.
        ring.refreshPeers()
        let names = [endpoint] + (options.serverAlias.map { [$0] } ?? [])
        guard let group = options.server, let server = ring.server(of: group, at: names) else {
            let who = options.server.map { ", whose key is not there (group \($0))" } ?? ""
            throw ZeroMQError(code: .peersUnknown, operation: "connect to", subject: endpoint + who)
        }
        try use(ring.own, towards: server)
    }

    func use(_ own: KeyPair, towards server: PublicKey) throws(ZeroMQError) {
        try set(ZMQ_CURVE_PUBLICKEY, text: own.publicKey.z85)
        try set(ZMQ_CURVE_SECRETKEY, text: own.secretKey.z85)
        try set(ZMQ_CURVE_SERVERKEY, text: server.z85)
    }

    /// Connections from outside at this moment, as far as its monitor has told.
    package var connectionCount: Int { connections?.state.withLock { $0.connections.count } ?? 0 }

    /// Has the context's guard bound what connections to this socket may cost.
    ///
    /// - Returns: nil where it does so already.
    func guardConnections() throws(ZeroMQError) -> ConnectionTable? {
        guard let context, connections == nil else { return nil }
        let table = ConnectionTable(
            limits: .init(
                connections: options.maxConnections, unfinishedBytes: options.maxUnfinishedBytes,
                messageBytes: Int(clamping: options.maxMessageSize), handshake: options.handshakeInterval,
                silence: (options.heartbeatInterval ?? .milliseconds(500)) + options.heartbeatTimeout))
        let events = try Monitor.start(watching: self, for: ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED)
        try context.startThreads().watch(events, table)
        return table
    }
}

/// Whether only this machine can reach an endpoint. Names are not resolved: what they mean can change.
private func isLocal(_ endpoint: String) -> Bool {
    if endpoint.hasPrefix("ipc://") || endpoint.hasPrefix("tcp://lo:") { return true }
    guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return false }
    var host = endpoint[..<colon].dropFirst(6)
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    var four = in_addr()
    if inet_pton(AF_INET, String(host), &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
    return host == "::1"
}
