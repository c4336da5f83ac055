internal import Delivery
internal import Messages
internal import ZeroMQ

/// The ledgers of all sessions, bounded: a session that is complete, or whose ingest fell silent, is forgotten when the
/// table is full. Forgetting is safe: a ledger made anew begins where ingest's window begins.
struct SessionTable {
    private final class Entry {
        var ledger = InferLedger<[Message]>()
        var inHand = 0
        var lastUse: UInt64 = 0
    }

    private var entries: [SessionID: Entry] = [:]
    private var clock: UInt64 = 0
    private let capacity: Int

    /// - Parameter capacity: how many sessions are remembered.
    init(capacity: Int = 1024) {
        self.capacity = capacity
    }

    /// How many sessions are remembered.
    var count: Int { entries.count }

    /// What to do about a header.
    struct Decision {
        let verdict: InferLedger<[Message]>.Verdict
        /// Whether the session was with another infer meanwhile (`InferLedger.hasSkipped`).
        let hasSkipped: Bool
        /// A session that was forgotten to make room.
        let forgotten: SessionID?
    }

    /// Decides about a header; see `InferLedger.receive`.
    mutating func receive(_ header: FrameHeader) -> Decision {
        clock += 1
        var forgotten: SessionID?
        let entry: Entry
        if let known = entries[header.session] {
            entry = known
        } else {
            forgotten = makeRoom()
            entry = Entry()
            entries[header.session] = entry
        }
        let verdict = entry.ledger.receive(header)
        entry.lastUse = clock
        if case .process = verdict { entry.inHand += 1 }
        return Decision(verdict: verdict, hasSkipped: entry.ledger.hasSkipped, forgotten: forgotten)
    }

    /// Records an outcome; see `InferLedger.finish`.
    mutating func finish(_ header: FrameHeader, with parts: [Message]) -> Bool {
        guard let entry = entries[header.session] else { return false }
        entry.inHand -= 1
        return entry.ledger.finish(header.sequence, with: parts)
    }

    /// Every finished answer that may not be stored yet, in each session's order.
    var finished: [[Message]] { entries.values.flatMap(\.ledger.finished) }

    /// - Returns: the session that had to go.
    private mutating func makeRoom() -> SessionID? {
        guard entries.count >= capacity else { return nil }
        // Sessions with frames in hand stay: their number is bounded by the frames in hand.
        let idle = entries.filter { $0.value.inHand == 0 }
        guard let oldest = idle.min(by: { $0.value.lastUse < $1.value.lastUse })?.key else { return nil }
        entries[oldest] = nil
        return oldest
    }
}
