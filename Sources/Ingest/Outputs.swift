internal import Delivery
internal import Messages
internal import Security
internal import ZeroMQ

/// The connections to the infers. Owned by ingest's thread.
///
/// Nothing is sent to an infer that is not connected: the window keeps it, where a live stream can still shed it.
final class Outputs {
    /// One infer.
    final class Output {
        let connector: Connector
        let token: Poller.Token
        /// Since when it is out of reach.
        var lostAt: ContinuousClock.Instant?
        /// Its socket takes no more for now.
        var isBlocked = false
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

        init(
            endpoint: String, options: SocketOptions, context: Context, poller: Poller, now: ContinuousClock.Instant
        ) throws(ZeroMQError) {
            var options = options
            options.sendHighWaterMark = 64
            options.server = .infer
            // Frames wait for it: an infer that has loaded its models, or is back, is found at once.
            options.reconnectInterval = .milliseconds(20) ... .milliseconds(100)
            connector = try Connector(.push, to: endpoint, in: context, options: options)
            token = connector.watch(with: poller)
            poller.setInterest(token, receiving: false)
            lostAt = now
        }

        var endpoint: String { connector.endpoint }
        var isConnected: Bool { connector.isUp }
    }

    /// How much one infer may have. Together with the high-water mark of infer's socket, which is larger, it keeps libzmq's
    /// queue there from filling: with a full one libzmq reads nothing more, heartbeats neither, and gives a connection up
    /// that is only slow.
    private static let limit = (frames: 512, bytes: 64 << 20)

    let all: [Output]
    private let poller: Poller
    private(set) var sent = 0

    init(_ configuration: IngestConfiguration, context: Context, poller: Poller, now: ContinuousClock.Instant) throws {
        self.poller = poller
        var outputs: [Output] = []
        for endpoint in configuration.infers {
            outputs.append(
                try Output(
                    endpoint: endpoint, options: configuration.sockets, context: context, poller: poller, now: now))
        }
        all = outputs
    }

    /// The infer for a stream: among those in reach, or among all where none is.
    func choose(for stream: StreamName) -> Int {
        let reachable = all.indices.filter { all[$0].isConnected }
        let candidates = reachable.isEmpty ? Array(all.indices) : reachable
        guard let chosen = rendezvous(stream, among: candidates.map { all[$0].endpoint }) else {
            preconditionFailure("ingest has no infer endpoint")
        }
        return candidates[chosen]
    }

    /// Puts a session into its output's queue.
    func enqueue(_ session: Session) {
        guard !session.isQueued, next(of: session) != nil else { return }
        session.isQueued = true
        all[session.output].ready.append(session)
    }

    /// Puts a session to another infer, without a place in the queue of either.
    func move(_ session: Session, to index: Int) {
        if session.isQueued {
            all[session.output].ready.removeAll { $0 === session }
            session.isQueued = false
        }
        session.output = index
    }

    /// What a session may send now.
    private func next(of session: Session) -> SendWindow<FramePayload>.Transmission? {
        guard let next = session.window.upcoming else { return nil }
        // Drops and ends are no work for an engine.
        guard next.payload == nil || all[session.output].probation.admits(session.id) else { return nil }
        return next
    }

    /// Adds up what each infer has.
    func measure(_ sessions: some Sequence<Session>) {
        for output in all { output.inFlight = (0, 0) }
        for session in sessions {
            all[session.output].inFlight.frames += session.window.inFlightCount
            all[session.output].inFlight.bytes += session.window.inFlightBytes
        }
    }

    /// Sends what the windows and the infers' limits allow and the sockets take, one frame of each session in turn.
    func pump(at now: ContinuousClock.Instant) throws {
        for output in all where output.isConnected && !output.isBlocked {
            while let session = output.ready.popFirst() {
                guard let next = next(of: session) else {
                    session.isQueued = false
                    continue
                }
                let bytes = next.payload?.message.count ?? 0
                let isFull =
                    output.inFlight.frames >= Self.limit.frames || output.inFlight.bytes + bytes > Self.limit.bytes
                guard !isFull || output.inFlight.frames == 0 else {
                    output.ready.putBack(session)
                    break
                }
                let header = Message(next.header.wireBytes())
                let parts = next.payload.map { [header, $0.message] } ?? [header]
                guard try output.connector.socket.send(parts) else {
                    output.ready.putBack(session)
                    output.isBlocked = true
                    poller.setInterest(output.token, receiving: false, sending: true)
                    break
                }
                session.window.sent(at: now)
                if next.payload != nil {
                    output.inFlight.frames += 1
                    output.inFlight.bytes += bytes
                }
                sent += 1
                session.isQueued = self.next(of: session) != nil
                if session.isQueued { output.ready.append(session) }
            }
        }
    }

    /// Takes note of what the poller found.
    ///
    /// - Returns: the infers that came or went.
    func poll(at now: ContinuousClock.Instant) throws -> [(index: Int, change: Connector.Change)] {
        var changes: [(index: Int, change: Connector.Change)] = []
        for (index, output) in all.enumerated() {
            if output.isBlocked, poller.isWritable(output.token) { unblock(output) }
            for change in try output.connector.changes(at: now) {
                switch change {
                case .up: output.lostAt = nil
                case .lost:
                    output.lostAt = now
                    unblock(output)
                case .keyRefused: break
                }
                changes.append((index, change))
            }
        }
        return changes
    }

    private func unblock(_ output: Output) {
        output.isBlocked = false
        poller.setInterest(output.token, receiving: false)
    }
}
