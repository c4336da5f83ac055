internal import Foundation
internal import GRDB
internal import GRDBSQLite

/// A statement that every commit runs, by SQLite's own interface: GRDB turns each value into one of its own first, looks at
/// a statement before and after it runs, and compiles the beginning and the end of a transaction anew each time.
///
/// GRDB keeps and closes it. It is for statements that return no rows.
struct DirectStatement {
    private let handle: SQLiteStatement
    private let database: Database

    init(_ sql: String, in database: Database) throws {
        handle = try database.cachedStatement(sql: sql).sqliteStatement
        self.database = database
    }

    /// Sets a value; nil is NULL.
    func bind(_ place: Int32, _ value: Int64?) {
        guard let value else {
            sqlite3_bind_null(handle, place)
            return
        }
        sqlite3_bind_int64(handle, place, value)
    }

    /// Sets a text; nil is NULL.
    func bind(_ place: Int32, _ text: String?) {
        guard let text else {
            sqlite3_bind_null(handle, place)
            return
        }
        let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)  // SQLITE_TRANSIENT
        sqlite3_bind_text(handle, place, text, -1, copying)
    }

    /// Runs it.
    ///
    /// - Throws: `DatabaseError`.
    func run() throws {
        try check(step())
    }

    /// Runs it with one more value, which SQLite copies only to where it is stored; nil is NULL.
    ///
    /// - Throws: `DatabaseError`.
    func run(_ place: Int32, _ blob: Data?) throws {
        guard let blob else {
            sqlite3_bind_null(handle, place)
            return try run()
        }
        try check(
            blob.withUnsafeBytes { bytes in
                sqlite3_bind_blob64(handle, place, bytes.baseAddress, UInt64(bytes.count), nil)
                defer { sqlite3_bind_null(handle, place) }
                return step()
            })
    }

    private func check(_ code: Int32) throws {
        guard code == SQLITE_DONE else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: database.lastErrorMessage)
        }
    }

    private func step() -> Int32 {
        let code = sqlite3_step(handle)
        // Of a step that failed it gives the same code once more.
        sqlite3_reset(handle)
        return code
    }
}
