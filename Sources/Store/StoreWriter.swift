internal import Foundation
package import GRDB
internal import Messages

/// Writes a store: the one owner of its high-water marks. Not Sendable: it belongs to the sink's thread.
///
/// What `append` has returned from is on the disk: SQLite runs with a write-ahead log and `synchronous = FULL`, and one
/// transaction carries a whole batch (group commit).
public final class StoreWriter {
    /// The file.
    public let path: String
    /// Reads what has been committed, over the same connection.
    public private(set) var reader: StoreReader

    private let lock: StoreLock
    private var keptFrames: KeptFrames
    package private(set) var database: DatabaseQueue
    /// Sessions that were written to and have not ended; others are read when they are asked for.
    private var running: [SessionID: SessionState] = [:]

    /// What has become of the pictures that it was given.
    public var frameTally: KeptFrameTally { keptFrames.tally }

    /// Opens a store, or makes one where there is no file.
    ///
    /// - Parameter frameBytes: how many bytes of pictures it may hold; the oldest make room. Nil leaves those alone that it
    ///   holds and takes none.
    /// - Throws: `StoreError`, naming what keeps the file from being written.
    public init(path: String, frameBytes: Int64? = nil) throws(StoreError) {
        self.path = path
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw StoreError(.folderMissing, path: path)
        }
        guard !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) || !isFolder.boolValue else {
            throw StoreError(.notAStore, path: path, detail: "it is a folder")
        }
        lock = try StoreLock(store: path)
        let database = try translatingErrors(of: path) { try Self.open(path) }
        self.database = database
        keptFrames = try translatingErrors(of: path) { try database.read { try KeptFrames($0, limit: frameBytes) } }
        reader = StoreReader(database, path: path)
    }

    private static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "store"
        configuration.busyMode = .timeout(5)
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try database.read { try StoreSchema.check($0, path: path, mayBeEmpty: true) }
        try database.writeWithoutTransaction { db in
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
            guard mode == "wal" else {
                throw StoreError(
                    .inputOutput, path: path,
                    detail: "this file system cannot carry a write-ahead log; choose a local disk")
            }
            try db.execute(sql: "PRAGMA synchronous = FULL")
        }
        try StoreSchema.migrator.migrate(database)
        // An empty write: a file that may only be read is found now and not at the first outcome.
        try database.write { try $0.execute(sql: "UPDATE sessions SET id = id WHERE id < 0") }
        return database
    }

    /// Clears the write-ahead log into the file and closes it.
    public func close() throws(StoreError) {
        try translatingErrors(of: path) {
            _ = try database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            try database.close()
        }
    }

    /// Closes the file and opens it again, as has to be done after the system failed to read, write or sync it: only
    /// what is read back afterwards is known to be there.
    ///
    /// - Throws: `StoreError`; of kind `lostCommits` where the file has less than `append` confirmed.
    public func reopen() throws(StoreError) {
        try? database.close()
        let database = try translatingErrors(of: path) { try Self.open(path) }
        self.database = database
        keptFrames = try translatingErrors(of: path) {
            try database.read { try KeptFrames($0, limit: keptFrames.limit, after: keptFrames.tally) }
        }
        reader = StoreReader(database, path: path)
        for (session, state) in running {
            guard let record = try reader.session(session), record.next >= state.next else {
                throw StoreError(.lostCommits, path: path, detail: "session \(session), sequence \(state.next)")
            }
        }
        running.removeAll()
    }

    // MARK: - Appending

    /// Stores a batch in one transaction: all of it, durably, or nothing.
    ///
    /// Outcomes the store has already are left out: the first commit wins. A session that is new to the store begins
    /// with the outcome that comes first, whatever its sequence: another store may have its beginning.
    ///
    /// - Returns: how many outcomes and ends were new.
    /// - Throws: `StoreError`; then nothing of the batch is stored, and the same batch may be tried again.
    @discardableResult
    public func append(_ batch: [StoreEntry]) throws(StoreError) -> Int {
        var touched: [SessionID: SessionState] = [:]
        var frames = keptFrames
        var stored = 0
        var newest: OutcomeRecord?
        try translatingErrors(of: path) {
            try database.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    let insert = try db.cachedStatement(sql: Self.insertOutcome)
                    for entry in batch {
                        let isNew =
                            switch entry {
                            case .outcome(let outcome): try add(outcome, to: &touched, with: insert, in: db)
                            case .frame(let frame): try add(frame, to: &frames, following: newest, touched, in: db)
                            case .state(let state): add(state, to: &touched)
                            case .end(let end): try add(end, to: &touched, in: db)
                            }
                        if case .outcome(let outcome) = entry { newest = isNew ? outcome : nil }
                        if isNew { stored += 1 }
                    }
                    for state in touched.values where state.isChanged { try save(state, in: db) }
                    try frames.makeRoom(in: db)
                    return .commit
                }
            }
        }
        // Only now: a failed transaction leaves the marks as they were.
        keptFrames = frames
        for (session, var state) in touched {
            state.isChanged = false
            running[session] = state.ended == nil ? state : nil
        }
        return stored
    }

    private func add(
        _ outcome: OutcomeRecord, to touched: inout [SessionID: SessionState], with insert: Statement, in db: Database
    ) throws -> Bool {
        var state = try state(
            of: outcome.session, stream: outcome.stream, beginningAt: outcome.sequence, touched: touched,
            in: db)
        defer { touched[outcome.session] = state }
        if outcome.sequence < state.next { return false }
        guard outcome.sequence == state.next else {
            throw StoreError(
                .gap, path: path,
                detail: "session \(outcome.session): sequence \(outcome.sequence) while \(state.next) is the next")
        }
        insert.setUncheckedArguments([
            state.row, Int64(clamping: outcome.sequence.value), outcome.captureTime.nanoseconds,
            outcome.dropStage?.rawValue, outcome.dropReason?.rawValue, outcome.persons, outcome.body,
        ])
        try insert.execute()
        state.next = outcome.sequence.next
        if outcome.dropReason == nil { state.poses += 1 } else { state.drops += 1 }
        state.isChanged = true
        return true
    }

    /// Belongs to the outcome just before it: the picture of one that was there already may have been deleted for its age.
    private func add(
        _ frame: FrameRecord, to frames: inout KeptFrames, following outcome: OutcomeRecord?,
        _ touched: [SessionID: SessionState], in db: Database
    ) throws -> Bool {
        if let outcome, outcome.session == frame.session, outcome.sequence == frame.sequence,
            let row = touched[frame.session]?.row
        {
            try frames.add(frame, toSessionInRow: row, in: db)
        }
        return false
    }

    /// Belongs to an outcome of the same batch: alone it says nothing.
    private func add(_ record: SessionStateRecord, to touched: inout [SessionID: SessionState]) -> Bool {
        if touched[record.session]?.isChanged == true { touched[record.session]?.inferState = Data(record.state) }
        return false
    }

    private func add(_ end: EndRecord, to touched: inout [SessionID: SessionState], in db: Database) throws -> Bool {
        var state = try state(
            of: end.session, stream: end.stream, beginningAt: SequenceNumber(end.frames), touched: touched, in: db)
        defer { touched[end.session] = state }
        if state.ended != nil { return false }
        state.ended = .now
        state.inferState = nil
        state.frames = end.frames
        state.isChanged = true
        return true
    }

    /// The state of a session within this transaction. A session that is new gets its row.
    private func state(
        of session: SessionID, stream: StreamName, beginningAt first: SequenceNumber,
        touched: [SessionID: SessionState],
        in db: Database
    ) throws -> SessionState {
        if let state = touched[session] ?? running[session] { return state }
        let known = try db.cachedStatement(sql: Self.selectSession)
        if let row = try Row.fetchOne(known, arguments: [Data(session.bytes)]) {
            return SessionState(
                row: row[0], next: SequenceNumber(row[1]), poses: row[2], drops: row[3],
                ended: (row[4] as Int64?).map(Timestamp.init(nanoseconds:)), frames: row[5], inferState: row[6])
        }
        try db.execute(
            sql: Self.insertSession,
            arguments: [
                Data(session.bytes), stream.description, Timestamp.now.nanoseconds, Int64(clamping: first.value),
                Int64(clamping: first.value),
            ])
        return SessionState(row: db.lastInsertedRowID, next: first)
    }

    private func save(_ state: SessionState, in db: Database) throws {
        let update = try db.cachedStatement(sql: Self.updateSession)
        update.setUncheckedArguments([
            Int64(clamping: state.next.value), state.poses, state.drops, state.ended?.nanoseconds,
            state.frames.map { Int64(clamping: $0) }, state.inferState, state.row,
        ])
        try update.execute()
    }

    private static let insertOutcome = """
        INSERT INTO outcomes (session, sequence, capture_time_ns, drop_stage, drop_reason, persons, body)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """
    private static let selectSession =
        "SELECT id, next_sequence, poses, drops, ended_ns, frames, infer_state FROM sessions WHERE uuid = ?"
    private static let insertSession = """
        INSERT INTO sessions (uuid, stream, began_ns, first_sequence, next_sequence, poses, drops)
        VALUES (?, ?, ?, ?, ?, 0, 0)
        """
    private static let updateSession =
        """
        UPDATE sessions SET next_sequence = ?, poses = ?, drops = ?, ended_ns = ?, frames = ?, infer_state = ? WHERE id = ?
        """
}

/// The row of a session, as the writer keeps it in memory.
private struct SessionState {
    let row: Int64
    var next = SequenceNumber.first
    var poses: UInt64 = 0
    var drops: UInt64 = 0
    var ended: Timestamp?
    var frames: UInt64?
    var inferState: Data?
    var isChanged = false
}
