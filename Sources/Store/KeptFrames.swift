internal import Foundation
internal import GRDB
internal import Messages

/// The writer's account of the pictures in a store: bounded in bytes, the oldest go first.
///
/// The sum is counted once, when the file is opened, and kept up to date from then on. It is a value: the writer takes it
/// over only when the transaction that it belongs to is committed.
struct KeptFrames {
    /// How many bytes there may be; nil takes no pictures.
    let limit: Int64?
    private var bytes: Int64 = 0
    private var added = 0

    /// Counts what a file holds.
    init(_ db: Database, limit: Int64?) throws {
        self.limit = limit
        guard limit != nil else { return }
        // The length of a blob stands in its row's header, so its pages are not read.
        bytes = try Int64.fetchOne(db, sql: "SELECT ifnull(sum(length(jpeg)), 0) FROM frames") ?? 0
    }

    /// Adds a picture, unless it is there already or larger than all that is allowed.
    mutating func add(_ frame: FrameRecord, toSessionInRow session: Int64, in db: Database) throws {
        guard let limit, !frame.jpeg.isEmpty, Int64(frame.jpeg.count) <= limit else { return }
        let insert = try db.cachedStatement(
            sql: "INSERT OR IGNORE INTO frames (session, sequence, jpeg) VALUES (?, ?, ?)")
        insert.setUncheckedArguments([session, Int64(clamping: frame.sequence.value), frame.jpeg])
        try insert.execute()
        guard db.changesCount > 0 else { return }
        bytes += Int64(frame.jpeg.count)
        added += 1
    }

    /// Deletes the oldest pictures until the rest is within the limit, or, where the limit has become much smaller, twice as
    /// many as came: acknowledgements wait for this transaction.
    mutating func makeRoom(in db: Database) throws {
        defer { added = 0 }
        guard let limit, bytes > limit else { return }
        let oldest = try db.cachedStatement(sql: "SELECT id, length(jpeg) FROM frames ORDER BY id LIMIT ?")
        let rows = try Row.fetchAll(oldest, arguments: [max(64, 2 * added)])
        for row in rows where bytes > limit {
            let delete = try db.cachedStatement(sql: "DELETE FROM frames WHERE id = ?")
            delete.setUncheckedArguments([row[0] as Int64])
            try delete.execute()
            bytes -= row[1] as Int64
        }
    }
}
