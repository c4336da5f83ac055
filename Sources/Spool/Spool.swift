internal import Foundation
package import Messages

/// Ingest's memory on disk: every accepted frame until its outcome is stored, so that a restarted ingest goes on where
/// it was.
///
///     let spool = try Spool(disk, limit: bytes)
///     spool.recovered                                 // sessions to be continued
///     guard spool.hasRoom(for: image.count) else { the feeder waits }
///     spool.append(header, feeder: feeder, payload: image)
///     if spool.sync() { confirm to feeders, and send }  // one fdatasync for all that was appended
///     spool.acknowledge(session, next: sequence)      // segments that hold nothing else are deleted
///
/// A spool is a log in segments. Each begins with a snapshot of all sessions, so that any older segment whose entries
/// are all acknowledged can be deleted, whichever it is. See `SpoolRecord` for the bytes.
package final class Spool {
    /// A session as it is continued.
    package struct RecoveredSession {
        package var session: SessionID
        package var stream: StreamName
        package var delivery: Delivery
        /// The oldest sequence not known to be acknowledged.
        package var oldest: SequenceNumber
        /// The next sequence to be given.
        package var next: SequenceNumber
        /// The last frame of each feeder.
        package var feeders: [String: UInt64]
        /// Frames, drops and the end, each sequence once, in order.
        package var entries: [SpoolEntry]
        /// Whether the session's end is among them.
        package var isEnded: Bool { entries.last?.header.isEnd == true }
    }

    struct SessionState {
        var stream: StreamName
        var delivery: Delivery
        var oldest: SequenceNumber
        var next: SequenceNumber
        var feeders: [String: UInt64]
    }

    struct Segment {
        let index: UInt64
        /// Bytes on disk.
        var bytes: Int
        /// The last sequence of each session in it that is not acknowledged yet.
        var last: [SessionID: SequenceNumber] = [:]
    }

    /// The largest entry without its payload: header, names, texts.
    static let overhead = 2048
    /// For a start on a disk that is nearly full: snapshots, ends and drops.
    static let smallestSegment = 16 << 10
    static let magic = Array("PBSPOOL1".utf8)

    let disk: any SpoolDisk
    /// The most bytes on disk.
    package let limit: Int
    let segmentBytes: Int
    var sessions: [SessionID: SessionState] = [:]
    /// Sealed segments, oldest first.
    var closed: [Segment] = []
    private var active: (segment: Segment, file: any SpoolFile, offset: Int)?
    /// What was appended since the last sync, to be written again where that fails.
    private var unsynced: [(bytes: [UInt8], session: SessionID, sequence: SequenceNumber)] = []
    var nextIndex: UInt64 = 1
    /// Why nothing can be confirmed for now.
    package private(set) var trouble: SpoolError?

    /// What the last ingest left; take it once.
    package var recovered: [RecoveredSession] = []
    /// Bytes at the ends of segments that were cut short by a crash, or damaged.
    package internal(set) var cutBytes = 0
    /// Calls of fdatasync so far.
    package private(set) var syncCount = 0

    /// Opens a spool, reads what is in it and begins a new segment.
    ///
    /// - Parameter limit: the most bytes on disk; at least a few times the largest frame.
    /// - Throws: `SpoolError`; for a new spool, a disk without room for a segment is one too.
    package init(_ disk: any SpoolDisk, limit: Int) throws(SpoolError) {
        self.disk = disk
        self.limit = limit
        segmentBytes = min(max(limit / 8, 64 << 10), 64 << 20)
        try recover()
        do throws(SpoolError) {
            do throws(SpoolError) {
                try rotate(toHold: 0, sealing: false)
            } catch {
                guard error.kind == .full else { throw error }
                try rotate(toHold: 0, sealing: false, size: Self.smallestSegment)
            }
        } catch {
            // On a full disk what is here can still be sent, and makes room.
            guard error.kind == .full, !closed.isEmpty else { throw error }
        }
    }

    /// Bytes on disk.
    package var bytes: Int { closed.reduce(active?.segment.bytes ?? 0) { $0 + $1.bytes } }
    /// The largest payload that fits, whatever else is in the spool: a new segment beside the one that it replaces.
    package var largestPayload: Int { limit / 2 - segmentBytes }
    /// Segments on disk.
    package var segmentCount: Int { closed.count + (active == nil ? 0 : 1) }

    // MARK: - Appending

    /// Whether an entry with a payload of so many bytes can be appended now; makes room where it can.
    ///
    /// What a frame may take leaves room for records of drops: a live stream has to shed when the disk is full, and that
    /// is written down too.
    package func hasRoom(for payload: Int) -> Bool {
        guard trouble == nil else { return false }
        let needed = payload + Self.overhead
        if let active, active.offset + needed + (payload > 0 ? reserve : reserve / 4) <= active.segment.bytes {
            return true
        }
        do throws(SpoolError) {
            try rotate(toHold: needed + reserve, sealing: true)
            return true
        } catch {
            if error.kind != .full { trouble = error }
            return false
        }
    }

    /// What is left of each segment for records of drops.
    private var reserve: Int { segmentBytes / 8 }

    /// Appends an entry; durable after the next successful `sync`.
    ///
    /// - Precondition: `hasRoom` said so, except for an end and for what becomes of a frame that is here already: these
    ///   fit into the reserve, or wait for the next segment.
    package func append(_ header: FrameHeader, feeder: FeederFrame? = nil, payload: UnsafeRawBufferPointer? = nil) {
        let bytes = SpoolRecord.encode(
            header, feeder: feeder, payload: payload ?? UnsafeRawBufferPointer(start: nil, count: 0))
        var state =
            sessions[header.session]
            ?? SessionState(
                stream: header.stream, delivery: header.delivery, oldest: header.sequence, next: header.sequence,
                feeders: [:])
        if !header.isEnd { state.next = max(state.next, header.sequence.next) }
        if let feeder { state.feeders[feeder.feeder] = max(feeder.frame, state.feeders[feeder.feeder] ?? 0) }
        sessions[header.session] = state
        unsynced.append((bytes, header.session, header.sequence))
        guard trouble == nil else { return }
        if let active, active.offset + bytes.count > active.segment.bytes { _ = hasRoom(for: bytes.count) }
        write(unsynced.count - 1)
    }

    private func write(_ index: Int) {
        guard trouble == nil else { return }
        let one = unsynced[index]
        guard var current = active, current.offset + one.bytes.count <= current.segment.bytes else {
            trouble = SpoolError(.full, "the spool has no room left")
            return
        }
        do throws(SpoolError) {
            try current.file.write(one.bytes, at: current.offset)
        } catch {
            trouble = error
            return
        }
        current.offset += one.bytes.count
        current.segment.last[one.session] = max(one.sequence, current.segment.last[one.session] ?? one.sequence)
        active = current
    }

    /// Makes everything that was appended durable.
    ///
    /// - Returns: whether it is. Where it is not, nothing that was appended since the last success may be confirmed or
    ///   sent; call again, it tries with a new segment.
    package func sync() -> Bool {
        if active == nil, hasGarbage {
            // On a disk so full that no segment could be begun: the last one's snapshot knows the numbers that those
            // before it gave, and whoever is asked for more than that answers that it is acknowledged.
            let last = closed.removeLast()
            deleteGarbage()
            closed.append(last)
        }
        if trouble != nil { repair() }
        guard trouble == nil else { return false }
        guard !unsynced.isEmpty || hasGarbage else { return true }
        do throws(SpoolError) {
            try syncActive()
        } catch {
            // What a failed sync has written nobody knows: only what is written anew counts.
            trouble = error
            return false
        }
        return true
    }

    /// Writes down how far every session is, so that the next start sends nothing again that is acknowledged by now.
    ///
    /// For the end of a stop: where it fails, more is sent again, and that is all.
    package func anchor() {
        guard trouble == nil else { return }
        try? syncActive(anchoring: true)
    }

    /// Makes the active segment durable and deletes the segments that nobody needs any more.
    ///
    /// Before they go, a snapshot has to say how far their sessions are: else a restart would miss what was in them.
    private func syncActive(anchoring: Bool = false) throws(SpoolError) {
        guard var current = active else { return }
        var isAnchored = false
        if anchoring || hasGarbage {
            let snapshot = SpoolRecord.encode(snapshot)
            if current.offset + snapshot.count <= current.segment.bytes {
                try current.file.write(snapshot, at: current.offset)
                current.offset += snapshot.count
                active = current
                isAnchored = true
            }
        }
        syncCount += 1
        try current.file.sync()
        unsynced.removeAll(keepingCapacity: true)
        if isAnchored { deleteGarbage() }
    }

    /// Leaves the segment that failed and writes what is not durable into a new one.
    private func repair() {
        trouble = nil
        do throws(SpoolError) {
            try rotate(toHold: unsynced.reduce(reserve) { $0 + $1.bytes.count }, sealing: false)
        } catch {
            trouble = error
            return
        }
        for index in unsynced.indices { write(index) }
    }

    /// Begins another segment.
    ///
    /// - Parameter sealing: makes the old one durable before. Not where its sync has failed: a second one may succeed
    ///   though the data are gone.
    private func rotate(toHold needed: Int, sealing: Bool, size wanted: Int? = nil) throws(SpoolError) {
        if sealing { try syncActive() }
        let snapshot = SpoolRecord.encode(snapshot)
        let begin = Self.magic.count + 8
        let size = max(wanted ?? segmentBytes, needed + begin + snapshot.count)
        let freed = active.map { $0.segment.bytes - $0.offset } ?? 0
        guard bytes - freed + size <= limit || segmentCount == 0 else {
            throw SpoolError(.full, "the spool has reached its limit of \(limit) bytes")
        }
        let file = try disk.create(nextIndex, bytes: size)
        var header = Self.magic
        withUnsafeBytes(of: nextIndex.littleEndian) { header.append(contentsOf: $0) }
        do throws(SpoolError) {
            try file.write(header + snapshot, at: 0)
            try file.sync()
        } catch {
            try? disk.remove(nextIndex)
            throw error
        }
        if var old = active {
            // Room that was reserved and not used; a failure costs only that.
            if (try? disk.truncate(old.segment.index, to: old.offset)) != nil { old.segment.bytes = old.offset }
            closed.append(old.segment)
        }
        active = (Segment(index: nextIndex, bytes: size), file, header.count + snapshot.count)
        nextIndex += 1
        deleteGarbage()
    }

    private var snapshot: SpoolSnapshot {
        SpoolSnapshot(
            sessions: sessions.map { id, state in
                .init(
                    session: id.uuid, stream: state.stream.description, delivery: state.delivery,
                    oldest: state.oldest.value, next: state.next.value, feeders: state.feeders)
            }.sorted { $0.session.uuidString < $1.session.uuidString })
    }

    // MARK: - Acknowledgements

    /// Everything of a session below `next` is stored.
    package func acknowledge(_ session: SessionID, next: SequenceNumber) {
        guard let oldest = sessions[session]?.oldest, next > oldest else { return }
        sessions[session]?.oldest = next
        release { $0 == session && $1 < next }
    }

    /// A session is over and stored, its end included.
    package func finish(_ session: SessionID) {
        sessions[session] = nil
        release { one, _ in one == session }
    }

    private func release(_ isAcknowledged: (SessionID, SequenceNumber) -> Bool) {
        for index in closed.indices {
            closed[index].last = closed[index].last.filter { !isAcknowledged($0.key, $0.value) }
        }
        if let last = active?.segment.last {
            active?.segment.last = last.filter { !isAcknowledged($0.key, $0.value) }
        }
    }

    private var hasGarbage: Bool { closed.contains { $0.last.isEmpty } }

    /// Deletes sealed segments without a live entry.
    private func deleteGarbage() {
        closed.removeAll { segment in
            guard segment.last.isEmpty else { return false }
            return (try? disk.remove(segment.index)) != nil
        }
    }
}
