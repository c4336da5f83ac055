internal import Messages
internal import Security
internal import Stage
internal import ZeroMQ

/// The sockets that feeders send to, and the answers to those that wait for one. Owned by ingest's thread.
struct Inputs {
    /// One socket, and who is behind it.
    struct Source {
        let socket: Socket
        let token: Poller.Token
        /// Everybody behind it; nil for the ROUTER, whose peers are told apart.
        let feeder: Feeder?
    }

    let push: Source
    let request: Source
    let cameras: [Source]
    /// Peers with frames outstanding.
    private var peers: [[UInt8]: Feeder] = [:]

    init(_ configuration: IngestConfiguration, context: Context, poller: Poller) throws {
        var options = configuration.sockets
        options.maxMessageSize = configuration.maxMessageSize
        options.accepts = .feeders
        options.connectsWithoutKeys = configuration.subscribesWithoutKeys

        func source(_ kind: SocketKind, _ options: SocketOptions, _ feeder: Feeder?) throws -> Source {
            let socket = try Socket(kind, in: context, options: options)
            return Source(socket: socket, token: poller.watch(socket), feeder: feeder)
        }
        push = try source(.pull, options, Feeder(.push))
        try Self.bind(push.socket, configuration.pushEndpoint, option: "--bind-push")

        var answering = options
        answering.linger = .milliseconds(500)  // the last answers should still leave
        answering.sendHighWaterMark = 1000
        request = try source(.router, answering, nil)
        try Self.bind(request.socket, configuration.requestEndpoint, option: "--bind-request")

        cameras = try configuration.cameras.enumerated().map { index, endpoint in
            let camera = try source(.subscribe, options, Feeder(.camera(index)))
            try camera.socket.subscribe("")
            try camera.socket.connect(endpoint)
            return camera
        }
    }

    static func bind(_ socket: Socket, _ endpoint: String, option: String) throws {
        do {
            try socket.bind(endpoint)
        } catch {
            throw StageFailure("cannot \(error) (\(option)).", exitCode: .unavailable)
        }
    }

    /// The peer that sent a message with these first parts.
    func peer(id: Message, delimiter: Message?) -> Feeder {
        (peers.isEmpty ? nil : peers[Array(id.bytes)]) ?? Feeder(.peer(id: id, delimiter: delimiter))
    }

    /// Notes that a frame of `feeder` waits, so that the next ones of the same peer are counted with it.
    mutating func hold(_ feeder: Feeder) {
        feeder.outstanding += 1
        if feeder.outstanding == 1, case .peer(let id, _) = feeder.kind { peers[Array(id.bytes)] = feeder }
    }

    /// Notes that a frame of `feeder` waits no longer.
    mutating func release(_ feeder: Feeder) {
        feeder.outstanding -= 1
        if feeder.outstanding == 0, case .peer(let id, _) = feeder.kind { peers[Array(id.bytes)] = nil }
    }

    /// Answers a peer; others expect no answer.
    ///
    /// - Returns: false where the peer is gone, or takes no answers.
    func answer(_ feeder: Feeder, _ answer: FeederAnswer) throws(ZeroMQError) -> Bool {
        guard case .peer(let id, let delimiter) = feeder.kind else { return true }
        let text = Message(answer.text)
        do {
            return try request.socket.send(delimiter.map { [id, $0, text] } ?? [id, text])
        } catch  where error.code == .hostUnreachable {
            return false
        }
    }
}
