public import Messages

/// What infer knows about the frames of one session: in hand, finished, or still to come.
///
/// Every message from ingest goes through `receive`, which says what to do with it. A stream is processed in
/// sequence order because its trackers have state; resends, which ingest sends in order too, make up for whatever was
/// lost on the way, so nothing is held back here.
///
///     var ledger = InferLedger<[Message]>()              // one per session, made for its first header
///     switch ledger.receive(header) {
///     case .process: start work (a drop or an end passes through as an outcome of its own)
///     case .answer(let parts): send these parts to the sink again
///     case .ignore: nothing to do
///     }
///     // later, once per `.process`, in any order, also when the engine failed (with a drop as the outcome):
///     if ledger.finish(header.sequence, with: parts) { send parts to the sink }
///
/// The end of a session counts as one more sequence after its frames: it is processed when all frames have arrived,
/// `finish` records its outcome, and a resend of it is answered like any other.
///
/// A ledger may be thrown away at any time (infer restarts, the session is idle): a new one starts at the header's
/// `oldestUnacknowledged`, where ingest's resend starts as well. Throw it away some time after `isComplete`, and after
/// a long silence, so that sessions whose ingest is gone do not add up.
public struct InferLedger<Answer> {
    /// What to do with a message that arrived.
    public enum Verdict {
        /// New and in order: work on it, then call `finish`.
        case process
        /// Finished before: send this again, the sink may have missed it.
        case answer(Answer)
        /// Nothing to do.
        case ignore(Reason)
    }

    /// Why there is nothing to do.
    public enum Reason: Sendable, Equatable {
        /// It is being worked on.
        case inHand
        /// The sink has its outcome.
        case acknowledged
        /// A frame before it is missing; ingest's resend brings both in order.
        case early
        /// As many unacknowledged frames as a ledger may hold. Ingest's window is smaller, unless it misbehaves.
        case full
        /// The session ended before this sequence.
        case afterEnd
    }

    @usableFromInline enum Entry {
        case inHand
        case finished(Answer)

        @inlinable var answer: Answer? {
            if case .finished(let answer) = self { answer } else { nil }
        }
    }

    @usableFromInline let capacity: Int
    @usableFromInline var entries: SequenceRing<Entry>?
    @usableFromInline var endSequence: SequenceNumber?

    /// An empty ledger.
    ///
    /// - Parameter capacity: the most sequences kept between the oldest unacknowledged and the newest.
    @inlinable public init(capacity: Int = 16_384) {
        self.capacity = capacity
    }

    /// Whether the last message that was received began beyond everything known here: the session was with another infer
    /// meanwhile, and what is remembered of it is out of date.
    @usableFromInline package internal(set) var hasSkipped = false

    /// The next new sequence, or nil before the first header.
    @inlinable public var expected: SequenceNumber? { entries?.end }
    /// How many sequences are in hand or cached.
    @inlinable public var count: Int { entries?.count ?? 0 }
    /// Whether the end of the session was processed and finished.
    @inlinable public var isComplete: Bool {
        guard let endSequence, let entries else { return false }
        if endSequence < entries.start { return true }
        return entries.contains(endSequence) && entries[endSequence].answer != nil
    }

    /// Decides about a message that arrived from ingest.
    @inlinable public mutating func receive(_ header: FrameHeader) -> Verdict {
        var entries = take(orBeginAt: header.oldestUnacknowledged)
        hasSkipped = header.oldestUnacknowledged > entries.end
        defer { self.entries = entries }
        // Below the oldest unacknowledged sequence nothing will be asked again.
        if hasSkipped {
            entries.restart(at: header.oldestUnacknowledged)
        } else {
            while entries.start < header.oldestUnacknowledged { _ = entries.removeFirst() }
        }

        let sequence = header.sequence
        guard sequence >= entries.start else { return .ignore(.acknowledged) }
        if entries.contains(sequence) {
            return entries[sequence].answer.map(Verdict.answer) ?? .ignore(.inHand)
        }
        guard sequence == entries.end else { return .ignore(.early) }
        guard endSequence == nil else { return .ignore(.afterEnd) }
        guard entries.count < capacity else { return .ignore(.full) }
        entries.append(.inHand)
        if header.isEnd { endSequence = sequence }
        return .process
    }

    /// Records the outcome of a sequence that `receive` said to process.
    ///
    /// - Returns: whether the sink still needs it. False where it has been acknowledged meanwhile, or was finished
    ///   already.
    @inlinable public mutating func finish(_ sequence: SequenceNumber, with answer: Answer) -> Bool {
        guard entries?.contains(sequence) == true, entries?[sequence].answer == nil else { return false }
        entries?[sequence] = .finished(answer)
        return true
    }

    /// Every finished answer that the sink has not acknowledged as far as this ledger knows, in order.
    @inlinable public var finished: [Answer] {
        guard let entries else { return [] }
        var answers: [Answer] = []
        var sequence = entries.start
        while sequence < entries.end {
            if let answer = entries[sequence].answer { answers.append(answer) }
            sequence = sequence.next
        }
        return answers
    }

    /// Moves the entries out, so that changing them copies nothing.
    @inlinable mutating func take(orBeginAt start: SequenceNumber) -> SequenceRing<Entry> {
        defer { entries = nil }
        return entries ?? SequenceRing(start: start)
    }
}
