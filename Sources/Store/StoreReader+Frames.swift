public import Foundation
internal import GRDB
public import Messages

extension StoreReader {
    /// The picture of a frame as its camera sent it; nil where it is not kept, or not any more.
    public func frame(of id: SessionID, sequence: SequenceNumber) throws(StoreError) -> Data? {
        try frames(of: id, from: sequence, through: sequence, limit: 1, maxBytes: 1).first?.jpeg
    }

    /// One page of a session's kept pictures, in order.
    ///
    /// - Parameters:
    ///   - limit: at most so many.
    ///   - maxBytes: the page ends with the picture that takes it past so many bytes.
    public func frames(
        of id: SessionID, from first: SequenceNumber, through last: SequenceNumber, limit: Int, maxBytes: Int
    ) throws(StoreError) -> [FrameRecord] {
        try translatingErrors(of: path) {
            try reading { db in
                guard try db.tableExists("frames") else { return [] }
                let statement = try db.cachedStatement(
                    sql: """
                        SELECT sequence, jpeg FROM frames WHERE session = (SELECT id FROM sessions WHERE uuid = ?)
                        AND sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?
                        """)
                statement.setUncheckedArguments([
                    Data(id.bytes), Int64(clamping: first.value), Int64(clamping: last.value), limit,
                ])
                let rows = try Row.fetchCursor(statement)
                var page: [FrameRecord] = []
                var bytes = 0
                while bytes < maxBytes, let row = try rows.next() {
                    let frame = FrameRecord(session: id, sequence: SequenceNumber(row[0]), jpeg: row[1])
                    bytes += frame.jpeg.count
                    page.append(frame)
                }
                return page
            }
        }
    }

    /// How many of a session's pictures are kept.
    public func keptFrameCount(of id: SessionID) throws(StoreError) -> Int {
        try translatingErrors(of: path) {
            try reading { db in
                guard try db.tableExists("frames") else { return 0 }
                return try Int.fetchOne(
                    db,
                    sql: "SELECT count(*) FROM frames WHERE session = (SELECT id FROM sessions WHERE uuid = ?)",
                    arguments: [Data(id.bytes)]) ?? 0
            }
        }
    }

    /// What can be said of a session's outcomes without reading them: when each frame was taken, how many persons were seen,
    /// which were dropped, and of which the picture is kept.
    ///
    /// - Parameters:
    ///   - limit: at most so many outcomes.
    ///   - revision: persons as this revision of the session has them.
    public func timeline(
        of id: SessionID, from first: SequenceNumber, through last: SequenceNumber, limit: Int,
        revision: RevisionRecord? = nil
    ) throws(StoreError) -> [TimelineRecord] {
        try translatingErrors(of: path) {
            try reading { db in
                let kept =
                    try db.tableExists("frames")
                    ? "EXISTS (SELECT 1 FROM frames AS f WHERE f.session = o.session AND f.sequence = o.sequence)" : "0"
                let refined =
                    revision == nil ? "" : "LEFT JOIN refined AS r ON r.revision = ? AND r.sequence = o.sequence"
                let persons = revision == nil ? "o.persons" : "coalesce(r.persons, o.persons)"
                let statement = try db.cachedStatement(
                    sql: """
                        SELECT o.sequence, o.capture_time_ns, \(persons), o.drop_stage, o.drop_reason, \(kept)
                        FROM outcomes AS o \(refined)
                        WHERE o.session = (SELECT id FROM sessions WHERE uuid = ?) AND o.sequence BETWEEN ? AND ?
                        ORDER BY o.sequence LIMIT ?
                        """)
                var arguments: [(any DatabaseValueConvertible)?] = [
                    Data(id.bytes), Int64(clamping: first.value), Int64(clamping: last.value), limit,
                ]
                if let revision { arguments.insert(revision.row, at: 0) }
                statement.setUncheckedArguments(StatementArguments(arguments))
                return try Row.fetchAll(statement).map { row in
                    TimelineRecord(
                        sequence: SequenceNumber(row[0]), captureTime: Timestamp(nanoseconds: row[1]), persons: row[2],
                        dropStage: (row[3] as String?).flatMap(StageName.init(rawValue:)),
                        dropReason: (row[4] as String?).flatMap(DropReason.init(rawValue:)), isKept: row[5])
                }
            }
        }
    }
}

/// One frame on a session's timeline.
public struct TimelineRecord: Sendable, Equatable {
    /// The frame's number in the session.
    public var sequence: SequenceNumber
    /// When the camera took it.
    public var captureTime: Timestamp
    /// How many persons were seen in it.
    public var persons: Int
    /// The stage that dropped it; nil for a pose.
    public var dropStage: StageName?
    /// Why it has no pose; nil for a pose.
    public var dropReason: DropReason?
    /// Whether its picture is kept.
    public var isKept: Bool
}
