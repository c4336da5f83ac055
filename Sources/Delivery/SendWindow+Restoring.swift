package import Messages

extension SendWindow {
    /// What a spool kept of one entry.
    package struct Kept {
        /// With its sequence; with `drop` or `isEnd` there is no payload.
        package var header: FrameHeader
        package var payload: Payload?
        package var bytes: Int

        package init(header: FrameHeader, payload: Payload?, bytes: Int) {
            self.header = header
            self.payload = payload
            self.bytes = bytes
        }
    }

    /// A window as it stood when its ingest ended: everything that was not known to be acknowledged, to be sent again.
    ///
    /// - Parameters:
    ///   - kept: entries in any order. One that is missing in between was damaged on the disk and becomes a recorded
    ///     drop: its number must end somehow.
    ///   - oldest: the oldest unacknowledged sequence, as far as it is known.
    ///   - next: the sequence of the next new frame: no lower one is ever given again.
    ///   - damaged: makes the header of a missing entry.
    package init(
        limits: Limits, delivery: Delivery, retry: RetryTimer.Policy = RetryTimer.Policy(), kept: [Kept],
        oldest: SequenceNumber, next: SequenceNumber, damaged: (SequenceNumber) -> FrameHeader
    ) {
        self.init(limits: limits, delivery: delivery, retry: retry)
        entries.restart(at: oldest)
        var bySequence: [SequenceNumber: Kept] = [:]
        for one in kept where one.header.sequence >= oldest {
            // The later record counts: a frame may have become a drop.
            bySequence[one.header.sequence] = one
        }
        let end = bySequence.values.first { $0.header.isEnd }
        let frames = max(
            next, bySequence.values.filter { !$0.header.isEnd }.map(\.header.sequence.next).max() ?? oldest)
        while entries.end < frames {
            var one = bySequence[entries.end] ?? Kept(header: damaged(entries.end), payload: nil, bytes: 0)
            one.header.number(entries.end)
            // It may have been sent, and more than once: nobody can tell how long an acknowledgement takes.
            entries.append(Entry(header: one.header, payload: one.payload, bytes: one.bytes, sends: 1))
            if one.payload == nil {
                recordCount += 1
            } else {
                frameCount += 1
                byteCount += one.bytes
            }
        }
        cursor = entries.start
        given = entries.start
        firstUnsent = entries.end
        shedCursor = entries.end
        if let end, end.header.sequence == entries.end {
            self.end(end.header)
            firstUnsent = entries.end
        }
    }
}
