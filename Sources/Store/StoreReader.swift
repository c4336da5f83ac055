internal import Foundation
internal import GRDB
public import Messages

/// Reads a store, also while a sink writes it: for `export`, `verify`, `watch` and replay.
///
/// Outcomes are read page by page, each page in a transaction of its own, so that a slow reader neither holds
/// everything in memory nor keeps the sink's write-ahead log from being cleared.
public final class StoreReader: Sendable {
    /// The file.
    public let path: String
    private let database: any DatabaseReader

    /// Opens a store for reading only.
    ///
    /// - Throws: `StoreError` of kind `missing`, `notAStore` or `newerSchema`, or what SQLite reports.
    public convenience init(path: String) throws(StoreError) {
        guard FileManager.default.fileExists(atPath: path) else { throw StoreError(.missing, path: path) }
        let database = try translatingErrors(of: path) {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            configuration.label = "store reader"
            let database = try DatabaseQueue(path: path, configuration: configuration)
            try database.read { try StoreSchema.check($0, path: path, mayBeEmpty: false) }
            return database
        }
        self.init(database, path: path)
    }

    /// Reads through a connection that is already open.
    init(_ database: any DatabaseReader, path: String) {
        self.database = database
        self.path = path
    }

    // MARK: - Sessions

    /// All sessions, in the order in which they began, or those of one stream.
    public func sessions(of stream: StreamName? = nil) throws(StoreError) -> [SessionRecord] {
        try translatingErrors(of: path) {
            try database.read { db in
                guard let stream else {
                    return try Row.fetchAll(db, sql: Self.sessionColumns + " ORDER BY id").map(session)
                }
                return try Row.fetchAll(
                    db, sql: Self.sessionColumns + " WHERE stream = ? ORDER BY id", arguments: [stream.description]
                ).map(session)
            }
        }
    }

    /// The sessions that began last, of one stream or of all, in the order in which they began.
    public func newestSessions(of stream: StreamName? = nil, limit: Int) throws(StoreError) -> [SessionRecord] {
        try translatingErrors(of: path) {
            try database.read { db in
                try Row.fetchAll(
                    db, sql: Self.sessionColumns + " WHERE ?1 IS NULL OR stream = ?1 ORDER BY id DESC LIMIT ?2",
                    arguments: [stream?.description, limit]
                ).reversed().map(session)
            }
        }
    }

    /// One session, or nil where the store does not know it.
    public func session(_ id: SessionID) throws(StoreError) -> SessionRecord? {
        try translatingErrors(of: path) {
            try database.read { db in
                try Row.fetchOne(db, sql: Self.sessionColumns + " WHERE uuid = ?", arguments: [Data(id.bytes)])
                    .map(session)
            }
        }
    }

    /// What infer knew of a running session after its last outcome; empty where it said nothing, or the session has ended.
    ///
    /// Only a sink asks, whose writer has brought the tables up to date.
    public func inferState(of id: SessionID) throws(StoreError) -> [UInt8] {
        try translatingErrors(of: path) {
            try database.read { db in
                let state = try Data.fetchOne(
                    db, sql: "SELECT infer_state FROM sessions WHERE uuid = ?", arguments: [Data(id.bytes)])
                return [UInt8](state ?? Data())
            }
        }
    }

    /// The session of a stream that began last, or nil where the store does not know the stream.
    public func latestSession(of stream: StreamName) throws(StoreError) -> SessionRecord? {
        try translatingErrors(of: path) {
            try database.read { db in
                try Row.fetchOne(
                    db, sql: Self.sessionColumns + " WHERE stream = ? ORDER BY id DESC LIMIT 1",
                    arguments: [stream.description]
                ).map(session)
            }
        }
    }

    /// The session of the same stream that began next after another one, or nil where there is none.
    public func session(after id: SessionID) throws(StoreError) -> SessionID? {
        try translatingErrors(of: path) {
            try database.read { db in
                try Row.fetchOne(
                    db,
                    sql: """
                        SELECT later.uuid FROM sessions AS later JOIN sessions AS earlier ON later.stream = earlier.stream
                        WHERE earlier.uuid = ? AND later.id > earlier.id ORDER BY later.id LIMIT 1
                        """,
                    arguments: [Data(id.bytes)]
                ).flatMap { SessionID(bytes: $0[0] as Data) }
            }
        }
    }

    /// Sums over the whole store.
    public func totals() throws(StoreError) -> StoreTotals {
        try translatingErrors(of: path) {
            try database.read { db in
                let row = try Row.fetchOne(
                    db, sql: "SELECT count(*), ifnull(sum(poses), 0), ifnull(sum(drops), 0) FROM sessions")
                return StoreTotals(sessions: row?[0] ?? 0, poses: row?[1] ?? 0, drops: row?[2] ?? 0)
            }
        }
    }

    /// How many of a session's poses hold persons, and how many outcomes were dropped for which reason.
    public func counts(of id: SessionID) throws(StoreError) -> (withPersons: UInt64, drops: [DropReason: UInt64]) {
        try translatingErrors(of: path) {
            try database.read { db in
                let rows = try Row.fetchAll(
                    db,
                    sql: """
                        SELECT drop_reason, count(*), ifnull(sum(persons > 0), 0)
                        FROM outcomes JOIN sessions ON sessions.id = outcomes.session
                        WHERE sessions.uuid = ? GROUP BY drop_reason
                        """, arguments: [Data(id.bytes)])
                var counts: (withPersons: UInt64, drops: [DropReason: UInt64]) = (0, [:])
                for row in rows {
                    if let reason = (row[0] as String?).flatMap(DropReason.init(rawValue:)) {
                        counts.drops[reason] = row[1]
                    } else {
                        counts.withPersons = row[2]
                    }
                }
                return counts
            }
        }
    }

    // MARK: - Outcomes

    /// One page of a session's outcomes, in order.
    ///
    /// - Parameters:
    ///   - id: the session.
    ///   - first: the sequence to begin with.
    ///   - last: the last sequence wanted; nil for all there are.
    ///   - limit: at most so many outcomes.
    ///   - maxBytes: the page ends with the outcome that takes its bodies past so many bytes.
    ///   - revision: poses as this revision of the session has them; drops, and poses that came after it, as they were stored.
    /// - Returns: fewer than asked for where the session has no more; empty for an unknown session.
    public func outcomes(
        of id: SessionID, from first: SequenceNumber = .first, through last: SequenceNumber? = nil, limit: Int = 256,
        maxBytes: Int = 4 << 20, revision: RevisionRecord? = nil
    ) throws(StoreError) -> [OutcomeRecord] {
        try translatingErrors(of: path) {
            try database.read { db in
                var arguments: [(any DatabaseValueConvertible)?] = [
                    Data(id.bytes), Int64(clamping: first.value), Int64(clamping: last?.value ?? .max), limit,
                ]
                if let revision { arguments.insert(revision.row, at: 0) }
                let statement = try db.cachedStatement(
                    sql: revision == nil ? Self.outcomesOfSession : Self.outcomesOfRevision)
                statement.setUncheckedArguments(StatementArguments(arguments))
                let rows = try Row.fetchCursor(statement)
                var page: [OutcomeRecord] = []
                var bytes = 0
                while bytes < maxBytes, let row = try rows.next() {
                    let outcome = try outcome(row, of: id)
                    bytes += outcome.body.count
                    page.append(outcome)
                }
                return page
            }
        }
    }

    /// Calls `body` with every outcome of a session, in order, up to the last one stored at that moment.
    ///
    /// - Throws: `StoreError`, or what `body` throws, which ends the walk.
    public func forEachOutcome(
        of id: SessionID, from first: SequenceNumber = .first, through last: SequenceNumber? = nil,
        revision: RevisionRecord? = nil, _ body: (OutcomeRecord) throws -> Void
    ) throws {
        var next = first
        while true {
            let page = try outcomes(of: id, from: next, through: last, revision: revision)
            guard let end = page.last else { return }
            for outcome in page { try body(outcome) }
            next = end.sequence.next
        }
    }

    // MARK: - Rows

    /// Reads at one moment of the store.
    func reading<Value>(_ work: (Database) throws -> Value) throws -> Value {
        try database.read(work)
    }

    /// The session in a row of its table.
    func session(inRow row: Int64, of db: Database) throws -> SessionRecord {
        guard let row = try Row.fetchOne(db, sql: Self.sessionColumns + " WHERE id = ?", arguments: [row]) else {
            throw StoreError(.damaged, path: path, detail: "a session is gone")
        }
        return try session(row)
    }

    private static let sessionColumns =
        "SELECT uuid, stream, next_sequence, poses, drops, began_ns, ended_ns, frames, first_sequence FROM sessions"

    private static let outcomesOfSession = """
        SELECT sequence, stream, capture_time_ns, drop_stage, drop_reason, persons, body
        FROM outcomes JOIN sessions ON sessions.id = outcomes.session
        WHERE sessions.uuid = ? AND sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?
        """

    private static let outcomesOfRevision = """
        SELECT o.sequence, stream, capture_time_ns, drop_stage, drop_reason, coalesce(r.persons, o.persons),
            coalesce(r.body, o.body)
        FROM outcomes AS o JOIN sessions ON sessions.id = o.session
            LEFT JOIN refined AS r ON r.revision = ? AND r.sequence = o.sequence AND o.drop_reason IS NULL
        WHERE sessions.uuid = ? AND o.sequence BETWEEN ? AND ? ORDER BY o.sequence LIMIT ?
        """

    private func session(_ row: Row) throws -> SessionRecord {
        guard let id = SessionID(bytes: row[0] as Data), let stream = try? StreamName(row[1] as String) else {
            throw StoreError(.damaged, path: path, detail: "a session has no valid identity or stream name")
        }
        return SessionRecord(
            session: id, stream: stream, first: SequenceNumber(row[8]), next: SequenceNumber(row[2]), poses: row[3],
            drops: row[4],
            began: Timestamp(nanoseconds: row[5]), ended: (row[6] as Int64?).map(Timestamp.init(nanoseconds:)),
            frames: row[7])
    }

    private func outcome(_ row: Row, of id: SessionID) throws -> OutcomeRecord {
        guard let stream = try? StreamName(row[1] as String) else {
            throw StoreError(.damaged, path: path, detail: "session \(id) has no valid stream name")
        }
        return OutcomeRecord(
            stream: stream, session: id, sequence: SequenceNumber(row[0]), captureTime: Timestamp(nanoseconds: row[2]),
            dropStage: (row[3] as String?).flatMap(StageName.init(rawValue:)),
            dropReason: (row[4] as String?).flatMap(DropReason.init(rawValue:)), persons: row[5], body: row[6])
    }
}
