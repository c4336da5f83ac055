internal import Delivery
internal import Messages
internal import ZeroMQ

/// The ledgers of all sessions, bounded: a session that is complete, or whose ingest fell silent, is forgotten when the
/// table is full. Forgetting is safe: a ledger made anew begins where ingest's window begins.
struct SessionTable {
    private struct Entry {
        var ledger = InferLedger<[Message]>()
        var inHand = 0
        var lastUse: UInt64
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
        if entries[header.session] == nil {
            forgotten = makeRoom()
            entries[header.session] = Entry(lastUse: clock)
        }
        guard let verdict = entries[header.session]?.ledger.receive(header) else {
            preconditionFailure("a session that was just added is gone")
        }
        entries[header.session]?.lastUse = clock
        if case .process = verdict { entries[header.session]?.inHand += 1 }
        return Decision(
            verdict: verdict, hasSkipped: entries[header.session]?.ledger.hasSkipped ?? false, forgotten: forgotten)
    }

    /// Records an outcome; see `InferLedger.finish`.
    mutating func finish(_ header: FrameHeader, with parts: [Message]) -> Bool {
        entries[header.session]?.inHand -= 1
        return entries[header.session]?.ledger.finish(header.sequence, with: parts) ?? false
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
