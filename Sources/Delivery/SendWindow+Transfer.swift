public import Messages

extension SendWindow {
    /// What stands next to be sent.
    public enum Next {
        /// Everything is sent, or as much is in flight as may be.
        case nothing
        /// The record of a drop, or the end: it has no payload.
        case record
        case frame
    }

    /// What `upcoming` is about, without making it.
    @inlinable public var next: Next {
        guard cursor < min(entries.end, notDurableFrom ?? entries.end, heldFrom ?? entries.end) else { return .nothing }
        guard entries[cursor].payload != nil else { return .record }
        return inFlightCount < (isSuspect ? 1 : limits.inFlight) ? .frame : .nothing
    }

    /// What to send next, or nil where everything is sent or as much is in flight as may be.
    @inlinable public var upcoming: Transmission? {
        if case .nothing = next { return nil }
        let entry = entries[cursor]
        var header = entry.header
        header.oldestUnacknowledged = entries.start
        header.resends = entry.sends
        if owesSessionState, cursor == entries.start { header.sessionState = sessionState }
        return Transmission(header: header, payload: entry.payload)
    }

    /// Notes that what `upcoming` said was handed to the socket.
    @inlinable public mutating func sent(at now: ContinuousClock.Instant) {
        if entries[cursor].payload != nil {
            inFlightCount += 1
            inFlightBytes += entries[cursor].bytes
        }
        owesSessionState = false
        entries[cursor].sends += 1
        entries[cursor].sentAt = now
        retry.sent(at: now)
        cursor = cursor.next
        firstUnsent = max(firstUnsent, cursor)
        given = max(given, cursor)
    }

    /// Removes what the sink has stored.
    ///
    /// - Returns: how many entries that were; 0 for an acknowledgement of nothing new, or of what was never sent.
    @discardableResult
    @inlinable public mutating func acknowledge(_ acknowledgement: Acknowledgement, at now: ContinuousClock.Instant)
        -> Int
    {
        let end = isEnding && acknowledgement.ended ? acknowledgement.next.next : acknowledgement.next
        // An end is acknowledged by `ended` alone, and nobody can have stored what was never sent.
        let limit = isEnding && !acknowledgement.ended ? entries.end.advanced(by: -1) : entries.end
        guard end >= entries.start, end <= limit, end <= firstUnsent else { return 0 }
        // Also with nothing new: a successor of the ingest that sent the frames learns it so.
        sessionState = acknowledgement.sessionState
        guard end > entries.start else { return 0 }

        var sample: Duration?
        var removed = 0
        while entries.start < end {
            let wasInFlight = entries.start < cursor
            let entry = entries.removeFirst()
            removed += 1
            // The oldest took longest: the cautious measure.
            if sample == nil, entry.sends == 1, let sentAt = entry.sentAt { sample = now - sentAt }
            if entry.header.isEnd {
                isFinished = true
            } else if entry.payload == nil {
                recordCount -= 1
            } else {
                frameCount -= 1
                byteCount -= entry.bytes
                if isMarked(entry.losses) { suspectCount -= 1 }
                if wasInFlight {
                    inFlightCount -= 1
                    inFlightBytes -= entry.bytes
                }
            }
        }
        if cursor < entries.start {
            // The infer that has the session now has not seen what another one did, and so knows too little.
            cursor = entries.start
            owesSessionState = true
        }
        retry.progressed(at: now, sample: sample, isWaiting: cursor > entries.start)
        return removed
    }

    /// How many unacknowledged entries were sent before and will be sent again.
    @inlinable public var resendCount: Int { max(0, firstUnsent.distance(from: cursor)) }

    // MARK: - Sending again

    /// Begins again at the oldest unacknowledged entry: a peer on the way was lost, and with it what it held.
    ///
    /// - Returns: how many entries will be sent again.
    @discardableResult
    @inlinable public mutating func resendAll() -> Int {
        rewind(timedOut: false)
    }

    /// When `resendIfOverdue` should be asked, or nil while nothing is in flight.
    @inlinable public var deadline: ContinuousClock.Instant? { retry.deadline }

    /// Begins again where nothing was acknowledged for so long that something must have been lost unnoticed.
    ///
    /// - Returns: how many entries will be sent again: 0 where it is not time yet.
    @discardableResult
    @inlinable public mutating func resendIfOverdue(at now: ContinuousClock.Instant) -> Int {
        guard let deadline, now >= deadline else { return 0 }
        return rewind(timedOut: true)
    }

    @inlinable mutating func rewind(timedOut: Bool) -> Int {
        let count = cursor.distance(from: entries.start)
        cursor = entries.start
        inFlightCount = 0
        inFlightBytes = 0
        owesSessionState = true
        retry.restarted(timedOut: timedOut)
        return count
    }
}
