internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import Messages

/// Adds rows to `outcomes`, bound to SQLite's own interface: half of what a stored row took went into GRDB's conversions of its
/// seven values.
struct OutcomeInsertion {
    private let statement: Statement
    private let handle: SQLiteStatement

    /// - Parameter db: where the row goes; the insertion must not outlive what it is used for there.
    init(_ db: Database) throws {
        statement = try db.cachedStatement(
            sql: """
                INSERT INTO outcomes (session, sequence, capture_time_ns, drop_stage, drop_reason, persons, body)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """)
        handle = statement.sqliteStatement
    }

    /// Adds an outcome of the session in a row.
    ///
    /// - Throws: `DatabaseError`.
    func add(_ outcome: OutcomeRecord, toSessionInRow row: Int64, in db: Database) throws {
        sqlite3_bind_int64(handle, 1, row)
        sqlite3_bind_int64(handle, 2, Int64(clamping: outcome.sequence.value))
        sqlite3_bind_int64(handle, 3, outcome.captureTime.nanoseconds)
        bind(4, outcome.dropStage?.rawValue)
        bind(5, outcome.dropReason?.rawValue)
        sqlite3_bind_int64(handle, 6, Int64(outcome.persons))
        // SQLite copies nothing: the body stays where it is until the row is written.
        let code = outcome.body.withUnsafeBytes { body in
            sqlite3_bind_blob64(handle, 7, body.baseAddress, UInt64(body.count), nil)
            defer { sqlite3_bind_null(handle, 7) }
            let code = sqlite3_step(handle)
            // Of a step that failed it gives the same code once more.
            sqlite3_reset(handle)
            return code
        }
        guard code == SQLITE_DONE else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage)
        }
    }

    private func bind(_ place: Int32, _ text: String?) {
        guard let text else {
            sqlite3_bind_null(handle, place)
            return
        }
        let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)  // SQLITE_TRANSIENT
        sqlite3_bind_text(handle, place, text, -1, copying)
    }
}
