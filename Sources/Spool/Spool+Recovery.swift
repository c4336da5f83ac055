internal import Messages

extension Spool {
    /// Reads all segments and finds the sessions to be continued.
    func recover() throws(SpoolError) {
        var found: [SessionID: RecoveredSession] = [:]
        var entries: [SessionID: [SequenceNumber: SpoolEntry]] = [:]
        for index in try disk.segments().sorted() {
            nextIndex = max(nextIndex, index + 1)
            let bytes = try disk.read(index)
            var segment = Segment(index: index, bytes: bytes.count)
            let begin = Self.magic.count + 8
            var offset = begin
            let isSegment = bytes.withUnsafeBytes { bytes -> Bool? in
                // A crash right after its making leaves a segment of zeros, or nothing.
                if bytes.count < begin || bytes.prefix(begin).allSatisfy({ $0 == 0 }) { return nil }
                return bytes.prefix(Self.magic.count).elementsEqual(Self.magic)
            }
            guard isSegment != false else { throw Self.notOurs(bytes, index) }
            if isSegment == true {
                bytes.withUnsafeBytes { bytes in
                    while let (record, next) = SpoolRecord.decode(bytes, at: offset) {
                        offset = next
                        switch record {
                        case .snapshot(let snapshot): apply(snapshot, to: &found, &entries)
                        case .entry(let entry): apply(entry, to: &found, &entries, &segment)
                        }
                    }
                    // Reserved zeros are no loss.
                    if bytes[offset...].contains(where: { $0 != 0 }) { cutBytes += bytes.count - offset }
                }
            } else {
                offset = 0
            }
            if (try? disk.truncate(index, to: offset)) != nil { segment.bytes = offset }
            closed.append(segment)
        }
        settle(found, entries)
    }

    /// Why a segment is not read: the last byte of what it begins with is the version of what follows.
    private static func notOurs(_ bytes: [UInt8], _ index: UInt64) -> SpoolError {
        guard bytes.starts(with: magic.dropLast()) else {
            return SpoolError(
                .notASpool, "segment \(index) is no file of a spool; name another folder, or move that file away")
        }
        return SpoolError(
            .notASpool,
            """
            another release of PoseBus wrote segment \(index), in a form this one cannot read. Start that release until \
            the sink has all frames of the spool, or move the folder away and with it the frames that nobody has yet
            """)
    }

    /// A snapshot is the truth at its time: sessions that it does not name are over.
    private func apply(
        _ snapshot: SpoolSnapshot, to found: inout [SessionID: RecoveredSession],
        _ entries: inout [SessionID: [SequenceNumber: SpoolEntry]]
    ) {
        var named: Set<SessionID> = []
        for one in snapshot.sessions {
            guard let stream = try? StreamName(one.stream) else { continue }
            let id = SessionID(one.session)
            named.insert(id)
            var session =
                found[id]
                ?? RecoveredSession(
                    session: id, stream: stream, delivery: one.delivery, oldest: .first, next: .first, feeders: [:],
                    entries: [])
            session.oldest = max(session.oldest, SequenceNumber(one.oldest))
            session.next = max(session.next, SequenceNumber(one.next))
            session.feeders.merge(one.feeders) { max($0, $1) }
            found[id] = session
        }
        for id in found.keys where !named.contains(id) {
            found[id] = nil
            entries[id] = nil
        }
    }

    private func apply(
        _ entry: SpoolEntry, to found: inout [SessionID: RecoveredSession],
        _ entries: inout [SessionID: [SequenceNumber: SpoolEntry]], _ segment: inout Segment
    ) {
        let header = entry.header
        var session =
            found[header.session]
            ?? RecoveredSession(
                session: header.session, stream: header.stream, delivery: header.delivery, oldest: header.sequence,
                next: header.sequence, feeders: [:], entries: [])
        if !header.isEnd { session.next = max(session.next, header.sequence.next) }
        if let feeder = entry.feeder {
            session.feeders[feeder.feeder] = max(feeder.frame, session.feeders[feeder.feeder] ?? 0)
        }
        found[header.session] = session
        entries[header.session, default: [:]][header.sequence] = entry
        segment.last[header.session] = max(header.sequence, segment.last[header.session] ?? header.sequence)
    }

    /// Keeps what is not acknowledged, as far as the snapshots know.
    private func settle(
        _ found: [SessionID: RecoveredSession], _ entries: [SessionID: [SequenceNumber: SpoolEntry]]
    ) {
        for (id, session) in found {
            var session = session
            session.entries = (entries[id] ?? [:]).values.filter { $0.header.sequence >= session.oldest }
                .sorted { $0.header.sequence < $1.header.sequence }
            recovered.append(session)
            sessions[id] = SessionState(
                stream: session.stream, delivery: session.delivery, oldest: session.oldest, next: session.next,
                feeders: session.feeders)
        }
        for index in closed.indices {
            closed[index].last = closed[index].last.filter { session, last in
                found[session].map { last >= $0.oldest } ?? false
            }
        }
    }
}
