internal import Delivery
internal import Messages
internal import ZeroMQ

/// The infers as they are now, the connections to them and what is sent there. Owned by ingest's thread.
///
/// Nothing is sent to an infer that is not connected: the window keeps it, where a live stream can still shed it.
final class Outputs {
    /// What happened to an infer.
    enum Change {
        case joined, left
        case up, lost, keyRefused
        case cannotConnect(ZeroMQError)
    }

    /// How much one infer may have. Together with the high-water mark of infer's socket, which is larger, it keeps libzmq's
    /// queue there from filling: with a full one libzmq reads nothing more, heartbeats neither, and gives a connection up
    /// that is only slow.
    private static let limit = (frames: 512, bytes: 64 << 20)

    private(set) var membership: Membership
    private var byEndpoint: [String: Output] = [:]
    private var lists: InferLists
    private let context: Context
    private let poller: Poller
    private let options: SocketOptions
    private(set) var sent = 0

    init(_ configuration: IngestConfiguration, context: Context, poller: Poller, now: ContinuousClock.Instant) throws {
        self.context = context
        self.poller = poller
        options = configuration.sockets
        membership = Membership(moveAfter: configuration.moveAfter)
        lists = try InferLists(configuration, poller: poller)
        for (output, change) in followLists(at: now) {
            // At a start that is somebody's slip; later it must not end what runs.
            if case .cannotConnect(let error) = change, case .endpoint = output.source { throw error }
        }
    }

    /// The infers, those that have left and still have a stream among them, in alphabetical order.
    var all: [Output] { byEndpoint.values.sorted { $0.endpoint < $1.endpoint } }

    /// Where infers could not be asked for, the last time that was tried.
    var silentSources: [InferSource] { lists.silent }

    // MARK: - Sessions

    /// Puts a session where its placement says, without a place in the queue of either infer.
    ///
    /// - Returns: whether it was somewhere else before.
    @discardableResult
    func seat(_ session: Session) -> Bool {
        let output = session.placement.infer.flatMap { byEndpoint[$0] }
        guard output !== session.output else { return false }
        if session.isQueued {
            session.output?.ready.removeAll { $0 === session }
            session.isQueued = false
        }
        session.output = output
        return true
    }

    /// Puts a session into its output's queue.
    func enqueue(_ session: Session) {
        guard !session.isQueued, let output = session.output, mayGoOn(session, to: output) else { return }
        session.isQueued = true
        output.ready.append(session)
    }

    /// Whether a session may send something now.
    private func mayGoOn(_ session: Session, to output: Output) -> Bool {
        switch session.window.next {
        case .nothing: false
        // Drops and ends are no work for an engine.
        case .record: true
        case .frame: output.probation.admits(session.id)
        }
    }

    /// Whether a session may have something for an infer that takes it.
    var haveWork: Bool { byEndpoint.values.contains { $0.isConnected && !$0.isBlocked && !$0.ready.isEmpty } }

    /// Adds up what each infer has.
    func measure(_ sessions: some Sequence<Session>) {
        for output in byEndpoint.values { output.inFlight = (0, 0) }
        for session in sessions {
            session.output?.inFlight.frames += session.window.inFlightCount
            session.output?.inFlight.bytes += session.window.inFlightBytes
        }
    }

    /// Sends what the windows and the infers' limits allow and the sockets take, one frame of each session in turn.
    func pump(at now: ContinuousClock.Instant) throws {
        for output in byEndpoint.values where output.isConnected && !output.isBlocked {
            while let session = output.ready.popFirst() {
                guard mayGoOn(session, to: output), let next = session.window.upcoming else {
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
                guard try output.send(next.payload.map { [header, $0.message] } ?? [header], poller: poller) else {
                    output.ready.putBack(session)
                    break
                }
                session.window.sent(at: now)
                if next.payload != nil {
                    output.inFlight.frames += 1
                    output.inFlight.bytes += bytes
                }
                sent += 1
                session.isQueued = mayGoOn(session, to: output)
                if session.isQueued { output.ready.append(session) }
            }
        }
    }

    // MARK: - Infers

    /// Takes note of what the sources of infers have said since.
    ///
    /// - Returns: nil where nothing is new.
    func readLists(at now: ContinuousClock.Instant) -> (remarks: [InferLists.Remark], changes: [(Output, Change)])? {
        guard let remarks = lists.readNews(from: poller) else { return nil }
        return (remarks, followLists(at: now))
    }

    private func followLists(at now: ContinuousClock.Instant) -> [(Output, Change)] {
        let infers = lists.infers
        let (joined, left) = membership.list(infers.map(\.endpoint), at: now)
        var changes: [(Output, Change)] = []
        for (endpoint, source) in infers where joined.contains(endpoint) {
            let output = byEndpoint[endpoint] ?? Output(endpoint: endpoint, source: source)
            byEndpoint[endpoint] = output
            changes.append((output, .joined))
            changes += connect(output, at: now)
        }
        return changes + left.compactMap { byEndpoint[$0].map { ($0, .left) } }
    }

    private func connect(_ output: Output, at now: ContinuousClock.Instant) -> [(Output, Change)] {
        do throws(ZeroMQError) {
            try output.connect(options, in: context, poller: poller)
            return []
        } catch {
            output.disconnect(from: poller, retryAt: now)
            return [(output, .cannotConnect(error))]
        }
    }

    /// Takes note of what the poller found.
    func poll(at now: ContinuousClock.Instant) -> [(Output, Change)] {
        var changes: [(Output, Change)] = []
        for output in byEndpoint.values {
            if let nextTry = output.nextTry, now >= nextTry { changes += connect(output, at: now) }
            let wasConnected = output.isConnected
            do throws(ZeroMQError) {
                for change in try output.changes(at: now, poller: poller) {
                    switch change {
                    case .up:
                        membership.connected(output.endpoint, at: now)
                        changes.append((output, .up))
                    case .lost:
                        membership.lost(output.endpoint, at: now)
                        changes.append((output, .lost))
                    case .keyRefused: changes.append((output, .keyRefused))
                    }
                }
            } catch {
                output.disconnect(from: poller, retryAt: now)
                if wasConnected {
                    membership.lost(output.endpoint, at: now)
                    changes.append((output, .lost))
                }
                changes.append((output, .cannotConnect(error)))
            }
        }
        return changes
    }

    /// Lets time pass for the membership.
    func advance(at now: ContinuousClock.Instant) -> [Membership.Event] {
        membership.advance(at: now)
    }

    /// Ends the connections to infers that have left the list and have no session any more.
    func closeDeserted(_ sessions: some Sequence<Session>, at now: ContinuousClock.Instant) {
        let deserted = byEndpoint.values.filter { !membership.isListed($0.endpoint) }
        guard !deserted.isEmpty else { return }
        let inUse = Set(sessions.compactMap { $0.output.map(ObjectIdentifier.init) })
        for output in deserted where !inUse.contains(ObjectIdentifier(output)) {
            output.disconnect(from: poller)
            membership.lost(output.endpoint, at: now)
            byEndpoint[output.endpoint] = nil
        }
    }
}
