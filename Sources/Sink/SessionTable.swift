internal import Delivery
internal import Messages
internal import Store
internal import ZeroMQ

/// One session in the sink's hands.
final class SinkSession {
    let stream: StreamName
    /// Puts what arrives in order; runs ahead of the store by what the batch in hand holds.
    var order: OrderBuffer<PendingOutcome>
    /// The high-water mark of the store: what is acknowledged.
    var committed: Acknowledgement
    /// Outcomes in the store.
    var poses: UInt64
    var drops: UInt64
    /// Whether its beginning was announced, in this life of the sink or an earlier one.
    var isAnnounced: Bool
    /// What infer knows after the newest outcome of a commit: nil but while one is prepared or confirmed.
    var newestState: Message?
    /// Whether it is to be acknowledged after the next commit.
    var isAcknowledgeable = false
    /// When something of it last arrived.
    var lastArrival: ContinuousClock.Instant
    /// Where its outcomes are counted, from the first on.
    var meter: SinkMetrics.StreamMeter?

    /// A session as the store knows it, or a new one.
    init(_ header: FrameHeader, _ record: SessionRecord?, state: [UInt8], maxHeld: Int, at now: ContinuousClock.Instant)
    {
        let next = record?.next ?? header.oldestUnacknowledged
        let isEnded = record?.ended != nil
        stream = record?.stream ?? header.stream
        order = OrderBuffer(next: next, isEnded: isEnded, capacity: maxHeld)
        committed = Acknowledgement(session: header.session, next: next, ended: isEnded, sessionState: state)
        poses = record?.poses ?? 0
        drops = record?.drops ?? 0
        isAnnounced = record != nil
        lastArrival = now
    }
}

/// The sessions that are being received. Sessions that ended or fell silent are forgotten: the store knows them.
struct SessionTable {
    private(set) var sessions: [SessionID: SinkSession] = [:]
    private let maxHeld: Int

    /// How long a session that has nothing waiting is kept without a message.
    private static let idleLimit = Duration.seconds(600)
    /// How long one is kept that waits for what never comes: its ingest is gone, and with it what it held.
    private static let abandonedLimit = Duration.seconds(3600)
    /// How long an ended one is kept, to answer late resends without asking the store.
    private static let endedLimit = Duration.seconds(10)

    init(maxHeld: Int) {
        self.maxHeld = maxHeld
    }

    /// Whether nothing is expected of any session: each has ended in the store.
    var haveAllEnded: Bool { sessions.values.allSatisfy(\.committed.ended) }

    subscript(id: SessionID) -> SinkSession? { sessions[id] }

    /// The session of a header that is not here yet, read from the store where it knows it.
    mutating func load(
        _ header: FrameHeader, from store: StoreReader, at now: ContinuousClock.Instant
    ) throws(StoreError) -> SinkSession {
        let record = try store.session(header.session)
        let state = record == nil ? [] : try store.inferState(of: header.session)
        let session = SinkSession(header, record, state: state, maxHeld: maxHeld, at: now)
        sessions[header.session] = session
        return session
    }

    /// Forgets sessions of which nothing is expected.
    mutating func sweep(at now: ContinuousClock.Instant) {
        sessions = sessions.filter { _, session in
            let limit =
                session.committed.ended
                ? Self.endedLimit : session.order.heldCount > 0 ? Self.abandonedLimit : Self.idleLimit
            return session.lastArrival + limit > now
        }
    }
}
