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
    private(set) var tally: KeptFrameTally
    private var added = 0

    private var bytes: Int64 {
        get { tally.bytes }
        set { tally.bytes = newValue }
    }

    /// Counts what a file holds.
    ///
    /// - Parameter tally: what was kept and deleted before, where the file is opened again.
    init(_ db: Database, limit: Int64?, after tally: KeptFrameTally = KeptFrameTally()) throws {
        self.limit = limit
        self.tally = tally
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
        tally.kept += 1
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
            tally.deleted += 1
        }
    }
}

/// What has become of the pictures that a store was given.
public struct KeptFrameTally: Sendable, Equatable {
    /// Bytes of pictures that are in the store.
    public var bytes: Int64 = 0
    /// Pictures that were stored since it was opened.
    public var kept = 0
    /// Pictures that made room for newer ones since it was opened.
    public var deleted = 0

    /// Nothing yet.
    public init() {}
}
