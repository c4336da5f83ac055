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
    /// Sessions that the batch in hand is about.
    private var touched: [SessionState] = []

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
            guard let record = try reader.session(session), record.next >= state.marks.next else {
                throw StoreError(.lostCommits, path: path, detail: "session \(session), sequence \(state.marks.next)")
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
        var frames = keptFrames
        var stored = 0
        var newest: OutcomeRecord?
        defer { touched.removeAll(keepingCapacity: true) }
        do throws(StoreError) {
            try translatingErrors(of: path) {
                try database.writeWithoutTransaction { db in
                    try transaction(in: db) {
                        let insertion = try DirectStatement(Self.insertOutcome, in: db)
                        for entry in batch {
                            let isNew =
                                switch entry {
                                case .outcome(let outcome): try add(outcome, with: insertion, in: db)
                                case .frame(let frame): try add(frame, to: &frames, following: newest, in: db)
                                case .state(let state): add(state)
                                case .end(let end): try add(end, in: db)
                                }
                            if case .outcome(let outcome) = entry { newest = isNew ? outcome : nil }
                            if isNew { stored += 1 }
                        }
                        let update = try DirectStatement(Self.updateSession, in: db)
                        for session in touched where session.isChanged { try save(session, with: update) }
                        try frames.makeRoom(in: db)
                    }
                }
            }
        } catch {
            // A failed transaction leaves the marks as they were.
            for session in touched where !session.giveUp() { running[session.id] = nil }
            throw error
        }
        keptFrames = frames
        for session in touched {
            session.settle()
            if session.marks.ended != nil { running[session.id] = nil }
        }
        return stored
    }

    /// All of `changes`, durably, or nothing.
    private func transaction(in db: Database, _ changes: () throws -> Void) throws {
        try DirectStatement("BEGIN IMMEDIATE", in: db).run()
        do {
            try changes()
            try DirectStatement("COMMIT", in: db).run()
        } catch {
            // After some failures SQLite has done so itself.
            try? db.rollback()
            throw error
        }
    }

    private func add(_ outcome: OutcomeRecord, with insertion: DirectStatement, in db: Database) throws -> Bool {
        let session = try state(
            of: outcome.session, stream: outcome.stream, beginningAt: outcome.sequence, in: db)
        if outcome.sequence < session.marks.next { return false }
        guard outcome.sequence == session.marks.next else {
            throw StoreError(
                .gap, path: path,
                detail:
                    "session \(outcome.session): sequence \(outcome.sequence) while \(session.marks.next) is the next")
        }
        insertion.bind(1, session.row)
        insertion.bind(2, Int64(clamping: outcome.sequence.value))
        insertion.bind(3, outcome.captureTime.nanoseconds)
        insertion.bind(4, outcome.dropStage?.rawValue)
        insertion.bind(5, outcome.dropReason?.rawValue)
        insertion.bind(6, Int64(outcome.persons))
        try insertion.run(7, outcome.body)
        session.marks.next = outcome.sequence.next
        if outcome.dropReason == nil { session.marks.poses += 1 } else { session.marks.drops += 1 }
        session.isChanged = true
        return true
    }

    /// Belongs to the outcome just before it: the picture of one that was there already may have been deleted for its age.
    private func add(
        _ frame: FrameRecord, to frames: inout KeptFrames, following outcome: OutcomeRecord?, in db: Database
    ) throws -> Bool {
        if let outcome, outcome.session == frame.session, outcome.sequence == frame.sequence,
            let row = running[frame.session]?.row
        {
            try frames.add(frame, toSessionInRow: row, in: db)
        }
        return false
    }

    /// Belongs to an outcome of the same batch: alone it says nothing.
    private func add(_ record: SessionStateRecord) -> Bool {
        if let session = running[record.session], session.isChanged { session.marks.inferState = Data(record.state) }
        return false
    }

    private func add(_ end: EndRecord, in db: Database) throws -> Bool {
        let session = try state(
            of: end.session, stream: end.stream, beginningAt: SequenceNumber(end.frames), in: db)
        if session.marks.ended != nil { return false }
        session.marks.ended = .now
        session.marks.inferState = nil
        session.marks.frames = end.frames
        session.isChanged = true
        return true
    }

    /// The state of a session within this transaction. A session that is new gets its row.
    private func state(
        of id: SessionID, stream: StreamName, beginningAt first: SequenceNumber, in db: Database
    ) throws -> SessionState {
        if let session = running[id] {
            if !session.isTouched {
                session.isTouched = true
                touched.append(session)
            }
            return session
        }
        let session = try read(id, in: db) ?? insert(id, stream, beginningAt: first, in: db)
        session.isTouched = true
        running[id] = session
        touched.append(session)
        return session
    }

    private func read(_ id: SessionID, in db: Database) throws -> SessionState? {
        let known = try db.cachedStatement(sql: Self.selectSession)
        guard let row = try Row.fetchOne(known, arguments: [Data(id.bytes)]) else { return nil }
        return SessionState(
            id, row: row[0],
            marks: .init(
                next: SequenceNumber(row[1]), poses: row[2], drops: row[3],
                ended: (row[4] as Int64?).map(Timestamp.init(nanoseconds:)), frames: row[5], inferState: row[6]))
    }

    private func insert(
        _ id: SessionID, _ stream: StreamName, beginningAt first: SequenceNumber, in db: Database
    ) throws -> SessionState {
        try db.execute(
            sql: Self.insertSession,
            arguments: [
                Data(id.bytes), stream.description, Timestamp.now.nanoseconds, Int64(clamping: first.value),
                Int64(clamping: first.value),
            ])
        return SessionState(id, row: db.lastInsertedRowID, marks: .init(next: first))
    }

    private func save(_ session: SessionState, with update: DirectStatement) throws {
        let marks = session.marks
        update.bind(1, Int64(clamping: marks.next.value))
        update.bind(2, Int64(clamping: marks.poses))
        update.bind(3, Int64(clamping: marks.drops))
        update.bind(4, marks.ended?.nanoseconds)
        update.bind(5, marks.frames.map { Int64(clamping: $0) })
        update.bind(6, session.row)
        try update.run(7, marks.inferState)
    }

    private static let insertOutcome = """
        INSERT INTO outcomes (session, sequence, capture_time_ns, drop_stage, drop_reason, persons, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        """
    private static let selectSession =
        "SELECT id, next_sequence, poses, drops, ended_ns, frames, infer_state FROM sessions WHERE uuid = ?"
    private static let insertSession = """
        INSERT INTO sessions (uuid, stream, began_ns, first_sequence, next_sequence, poses, drops)
        VALUES (?, ?, ?, ?, ?, 0, 0)
        """
    private static let updateSession =
        """
        UPDATE sessions SET next_sequence = ?1, poses = ?2, drops = ?3, ended_ns = ?4, frames = ?5, infer_state = ?7
        WHERE id = ?6
        """
}

/// The row of a session, as the writer keeps it in memory.
private final class SessionState {
    /// What changes.
    struct Marks {
        var next = SequenceNumber.first
        var poses: UInt64 = 0
        var drops: UInt64 = 0
        var ended: Timestamp?
        var frames: UInt64?
        var inferState: Data?
    }

    let id: SessionID
    let row: Int64
    /// With what the transaction in hand adds.
    var marks: Marks
    /// What the store is known to have; nil for a session that this transaction reads or begins.
    private(set) var saved: Marks?
    /// Whether the transaction in hand is about it.
    var isTouched = false
    /// Whether it has to be written.
    var isChanged = false

    init(_ id: SessionID, row: Int64, marks: Marks) {
        self.id = id
        self.row = row
        self.marks = marks
    }

    /// The transaction is committed.
    func settle() {
        saved = marks
        isTouched = false
        isChanged = false
    }

    /// The transaction failed.
    ///
    /// - Returns: false where nothing is known to be in the store.
    func giveUp() -> Bool {
        guard let saved else { return false }
        marks = saved
        isTouched = false
        isChanged = false
        return true
    }
}
