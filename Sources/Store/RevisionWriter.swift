internal import Foundation
internal import GRDB
public import Messages

extension StoreWriter {
    /// Begins a new revision of a session, after taking away what an interrupted one has left.
    ///
    /// - Parameter options: how it is made, as JSON.
    /// - Throws: `StoreError`; of kind `missing` where the store does not know the session.
    public func beginRevision(of session: SessionRecord, options: String) throws(StoreError) -> RevisionWriter {
        try RevisionWriter(self, session, options: options)
    }
}

/// Writes one revision of a session. It can be seen once it is finished; until then it is as good as not there.
///
/// Rows go in by transactions of some thousands: one for a whole session would keep all of it in the write-ahead log, and
/// one for each row would wait for the disk each time. The summary comes last and makes it a revision.
public final class RevisionWriter {
    /// The number it will have.
    public let number: Int

    private let store: StoreWriter
    private let row: Int64
    private var rows: [(sequence: SequenceNumber, persons: Int, body: Data)] = []
    private var bytes = 0

    private static let rowsAtOnce = 4096
    private static let bytesAtOnce = 16 << 20

    fileprivate init(_ store: StoreWriter, _ session: SessionRecord, options: String) throws(StoreError) {
        self.store = store
        let id = session.session
        (number, row) = try translatingErrors(of: store.path) {
            try Self.removeUnfinished(in: store.database)
            return try store.database.write { db in
                guard
                    let owner = try Int64.fetchOne(
                        db, sql: "SELECT id FROM sessions WHERE uuid = ?", arguments: [Data(id.bytes)])
                else { throw StoreError(.missing, path: store.path, detail: "session \(id)") }
                let number =
                    try Int.fetchOne(
                        db, sql: "SELECT 1 + ifnull(max(number), 0) FROM revisions WHERE session = ?",
                        arguments: [owner])
                    ?? 1
                try db.execute(
                    sql:
                        "INSERT INTO revisions (session, number, next_sequence, made_ns, options) VALUES (?, ?, ?, ?, ?)",
                    arguments: [
                        owner, number, Int64(clamping: session.next.value), Timestamp.now.nanoseconds, options,
                    ])
                return (number, db.lastInsertedRowID)
            }
        }
    }

    /// Adds the refined form of the session's next pose; drops are left out.
    public func append(_ outcome: Outcome) throws(StoreError) {
        precondition(outcome.drop == nil, "a drop has no refined form")
        let body = Data(outcome.wireBytes())
        rows.append((outcome.frame.sequence, outcome.observedPersons, body))
        bytes += body.count
        if rows.count >= Self.rowsAtOnce || bytes >= Self.bytesAtOnce { try flush() }
    }

    /// Makes the revision visible.
    ///
    /// - Parameter summary: what was done, as JSON.
    public func finish(summary: String) throws(StoreError) {
        try flush()
        try translatingErrors(of: store.path) {
            try store.database.write { db in
                try db.execute(sql: "UPDATE revisions SET summary = ? WHERE id = ?", arguments: [summary, row])
            }
        }
    }

    /// Takes away what was written so far, as far as the disk allows; else the next revision does.
    public func abandon() {
        rows.removeAll()
        try? Self.removeUnfinished(in: store.database)
    }

    private func flush() throws(StoreError) {
        try translatingErrors(of: store.path) {
            try store.database.write { db in
                let insert = try db.cachedStatement(
                    sql: "INSERT INTO refined (revision, sequence, persons, body) VALUES (?, ?, ?, ?)")
                for entry in rows {
                    insert.setUncheckedArguments([
                        row, Int64(clamping: entry.sequence.value), entry.persons, entry.body,
                    ])
                    try insert.execute()
                }
            }
        }
        rows.removeAll(keepingCapacity: true)
        bytes = 0
    }

    /// Deletes revisions that have no summary. Whoever writes has the store's lock, so nobody is at work on them.
    private static func removeUnfinished(in database: DatabaseQueue) throws {
        let unfinished = try database.read {
            try Int64.fetchAll($0, sql: "SELECT id FROM revisions WHERE summary IS NULL")
        }
        for id in unfinished {
            var deleted = rowsAtOnce
            while deleted == rowsAtOnce {
                deleted = try database.write { db in
                    try db.execute(
                        sql: """
                            DELETE FROM refined WHERE rowid IN
                            (SELECT rowid FROM refined WHERE revision = ? ORDER BY sequence LIMIT ?)
                            """, arguments: [id, rowsAtOnce])
                    return db.changesCount
                }
            }
            try database.write { try $0.execute(sql: "DELETE FROM revisions WHERE id = ?", arguments: [id]) }
        }
    }
}
