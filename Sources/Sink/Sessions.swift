internal import Delivery
internal import Foundation
internal import Messages
internal import Store
internal import ZeroMQ

/// An outcome as it arrived.
struct Arrived {
    let outcome: Outcome
    let message: Message
    let time: Timestamp
}

/// What is to be committed.
struct PendingEntry {
    var entry: StoreEntry
}

/// The order of every session: what has been released to the store, and what is committed there.
struct Sessions {
    private struct Session {
        var buffer: OrderBuffer<Arrived>
        var committed: Sequence
        var isEndCommitted: Bool
        var poses: UInt64
        var drops: UInt64
        /// Nothing of it was in the store before.
        var first: Sequence?
    }

    private let store: StoreWriter
    private var sessions: [SessionID: Session] = [:]
    private var repeats: Set<SessionID> = []

    init(store: StoreWriter) {
        self.store = store
    }

    /// Takes an outcome and gives what can now be stored, in order. Empty for a repeat, which is acknowledged again, and
    /// for one that has to wait for its predecessors.
    mutating func accept(_ arrived: Arrived) throws -> [PendingEntry] {
        let frame = arrived.outcome.frame
        var session = try session(frame.session, beginningAt: frame.oldestUnacknowledged)
        // Moved out and in again, so that changing the buffer copies nothing.
        sessions[frame.session] = nil
        defer { sessions[frame.session] = session }

        var released: [PendingEntry] = []
        let arrival: OrderBuffer<Arrived>.Arrival
        if frame.isEnd {
            arrival = session.buffer.acceptEnd(frameCount: frame.sequence)
        } else {
            arrival = session.buffer.accept(frame.sequence, arrived)
            if arrival == .inOrder {
                released.append(Self.entry(arrived))
                while let held = session.buffer.takeNext() { released.append(Self.entry(held)) }
            }
        }
        if arrival == .duplicate { repeats.insert(frame.session) }
        if session.buffer.takeEnd(), let count = session.buffer.frameCount {
            released.append(
                PendingEntry(
                    entry: .end(EndRecord(stream: frame.stream, session: frame.session, frames: count.value))))
        }
        return released
    }

    /// Notes what the store has committed and gives the acknowledgements that follow.
    mutating func noteCommitted(_ entries: [StoreEntry]) -> [Acknowledgement] {
        var touched: Set<SessionID> = []
        for entry in entries {
            switch entry {
            case .outcome(let record):
                touched.insert(record.session)
                sessions[record.session]?.committed = record.sequence.next
                if record.dropReason == nil {
                    sessions[record.session]?.poses += 1
                } else {
                    sessions[record.session]?.drops += 1
                }
            case .end(let end):
                touched.insert(end.session)
                sessions[end.session]?.isEndCommitted = true
            }
        }
        repeats.subtract(touched)
        return touched.compactMap { id in sessions[id].map { Self.acknowledgement(id, $0) } }
    }

    /// Acknowledgements of sessions of which something arrived again: the first one may be what got lost.
    mutating func takeRepeats() -> [Acknowledgement] {
        defer { repeats = [] }
        return repeats.compactMap { id in
            guard let session = sessions[id] else { return nil }
            if session.isEndCommitted { sessions[id] = nil }
            return Self.acknowledgement(id, session)
        }
    }

    /// What is committed of a session, for an ingest that has just subscribed.
    func acknowledgement(of id: SessionID) throws -> Acknowledgement {
        if let session = sessions[id] { return Self.acknowledgement(id, session) }
        guard let record = try store.reader.session(id) else { return Acknowledgement(session: id, next: .first) }
        return Acknowledgement(session: id, next: record.next, ended: record.ended != nil)
    }

    /// Whether a record is the first of a session that is new to the store.
    func isFirst(_ record: OutcomeRecord) -> Bool {
        sessions[record.session]?.first == record.sequence
    }

    /// Poses and drops committed of a session.
    func totals(of id: SessionID) -> (poses: UInt64, drops: UInt64) {
        (sessions[id]?.poses ?? 0, sessions[id]?.drops ?? 0)
    }

    /// Forgets a session that has ended. The store knows it.
    mutating func forget(_ id: SessionID) {
        sessions[id] = nil
    }

    private func session(_ id: SessionID, beginningAt first: Sequence) throws -> Session {
        if let known = sessions[id] { return known }
        guard let record = try store.reader.session(id) else {
            return Session(
                buffer: OrderBuffer(next: first), committed: first, isEndCommitted: false, poses: 0, drops: 0, first: first)
        }
        return Session(
            buffer: OrderBuffer(next: record.next, isEnded: record.ended != nil), committed: record.next,
            isEndCommitted: record.ended != nil, poses: record.poses, drops: record.drops, first: nil)
    }

    private static func acknowledgement(_ id: SessionID, _ session: Session) -> Acknowledgement {
        Acknowledgement(session: id, next: session.committed, ended: session.isEndCommitted)
    }

    /// The row of an outcome. Its times end where the commit begins: the row cannot know how long its own commit takes.
    private static func entry(_ arrived: Arrived) -> PendingEntry {
        let now = Timestamp.now
        let body = Outcome.wireBytes(
            received: arrived.message.bytes, sink: max(0, now.milliseconds(since: arrived.time)),
            total: max(0, now.milliseconds(since: arrived.outcome.frame.acceptedTime)))
        return PendingEntry(entry: .outcome(OutcomeRecord(arrived.outcome, body: Data(body))))
    }
}
