public import Messages

/// Puts the outcomes of one session in order, once each: what the sink commits.
///
///     var buffer = OrderBuffer<Outcome>(next: store's high-water mark, isEnded: store's word)
///     switch buffer.accept(sequence, outcome) {
///     case .inOrder:                 // commit it, then whatever it had kept waiting
///         commit(outcome)
///         while let held = buffer.takeNext() { commit(held) }
///     case .held: break              // an earlier one is missing
///     case .duplicate: acknowledge again, always: the first acknowledgement may be what got lost
///     case .refused(let why): count it
///     }
///     if buffer.takeEnd() { commit the session's end }
///
/// `next` runs ahead of the store while a commit is under way: acknowledge what is committed, not `next`. After a
/// failed commit, make a new buffer from the store's high-water mark; ingest sends the rest again.
///
/// For a session the store does not know, begin at the first outcome's `frame.oldestUnacknowledged`: 0 for a new
/// session, more where another store acknowledged the beginning, which nobody will send again.
public struct OrderBuffer<Value> {
    /// What became of an outcome that arrived.
    public enum Arrival: Sendable, Equatable {
        /// It is the next one.
        case inOrder
        /// It waits for earlier ones.
        case held
        /// It is here already. The first one counts.
        case duplicate
        /// It was not taken.
        case refused(Refusal)
    }

    /// Why an outcome was not taken.
    public enum Refusal: Sendable, Equatable {
        /// Too far ahead of what is missing. It will be sent again.
        case full
        /// It contradicts the session's end: a frame at or after it, or an end below what is here.
        case contradictsEnd
    }

    @usableFromInline enum End {
        case open
        case announced(SequenceNumber)
        case taken(SequenceNumber)
    }

    @usableFromInline let capacity: Int
    @usableFromInline var held: [SequenceNumber: Value] = [:]
    @usableFromInline var end: End
    /// The sequence that comes next; everything below has been released.
    @usableFromInline package internal(set) var next: SequenceNumber

    /// A buffer that continues at a high-water mark.
    ///
    /// - Parameters:
    ///   - next: the first sequence without an outcome.
    ///   - isEnded: whether the session's end is committed too.
    ///   - capacity: the most outcomes that may wait for earlier ones.
    @inlinable public init(next: SequenceNumber = .first, isEnded: Bool = false, capacity: Int = 4096) {
        self.next = next
        self.capacity = capacity
        end = isEnded ? .taken(next) : .open
    }

    /// How many outcomes wait for earlier ones.
    @inlinable public var heldCount: Int { held.count }
    /// Whether the session's end has been released.
    @inlinable public var isEnded: Bool { if case .taken = end { true } else { false } }
    /// The number of frames of the session, once its end is known.
    @inlinable public var frameCount: SequenceNumber? {
        switch end {
        case .open: nil
        case .announced(let count), .taken(let count): count
        }
    }

    /// Takes the outcome of a frame.
    @inlinable public mutating func accept(_ sequence: SequenceNumber, _ value: Value) -> Arrival {
        if sequence < next { return .duplicate }
        if let frameCount, sequence >= frameCount { return .refused(.contradictsEnd) }
        if sequence == next {
            next = next.next
            return .inOrder
        }
        if held[sequence] != nil { return .duplicate }
        guard held.count < capacity else { return .refused(.full) }
        held[sequence] = value
        return .held
    }

    /// The next outcome that was waiting, or nil. Call until nil after `.inOrder`.
    @inlinable public mutating func takeNext() -> Value? {
        guard let value = held.removeValue(forKey: next) else { return nil }
        next = next.next
        return value
    }

    /// Takes the end of the session.
    ///
    /// - Parameter frameCount: how many frames the session has: the end's sequence.
    /// - Returns: `.inOrder` where everything before it is here; then, and whenever `takeEnd` says so, commit it.
    @inlinable public mutating func acceptEnd(frameCount: SequenceNumber) -> Arrival {
        switch end {
        case .taken(let known), .announced(let known):
            return known == frameCount ? .duplicate : .refused(.contradictsEnd)
        case .open:
            guard frameCount >= next, !held.keys.contains(where: { $0 >= frameCount }) else {
                return .refused(.contradictsEnd)
            }
            end = .announced(frameCount)
            return frameCount == next ? .inOrder : .held
        }
    }

    /// True exactly once: when the session's end and everything before it are here.
    @inlinable public mutating func takeEnd() -> Bool {
        guard case .announced(let count) = end, count == next else { return false }
        end = .taken(count)
        return true
    }
}
