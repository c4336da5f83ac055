package import Foundation
internal import GRDB
package import Messages
internal import Synchronization

/// The jobs in a file of their own, so that they outlive the gateway: SQLite in its state folder.
///
/// Only one process may have the folder: a lock beside the file keeps a second one away.
package final class JobStore: Sendable {
    /// How many jobs there are of each kind.
    package struct Counts: Sendable, Equatable {
        package var queued = 0
        package var processing = 0
        package var completed = 0
        package var failed = 0
        package var cancelled = 0
        package var total: Int { queued + processing + completed + failed + cancelled }
    }

    /// The file.
    package let path: String
    private let lock: FolderLock
    private let database: DatabaseQueue
    private let history: Int
    private let latest = Mutex(Counts())

    /// Opens the list, or makes one.
    ///
    /// - Parameters:
    ///   - folder: the gateway's state folder, which exists.
    ///   - history: how many jobs that are over are remembered; the oldest are forgotten first.
    /// - Throws: `JobError`, saying what keeps the file from being written.
    package init(folder: URL, history: Int = 1000) throws(JobError) {
        let path = folder.appending(path: "jobs.sqlite").path
        self.path = path
        self.history = history
        lock = try FolderLock(path + ".lock")
        do {
            var configuration = Configuration()
            configuration.label = "jobs"
            configuration.busyMode = .timeout(5)
            database = try DatabaseQueue(path: path, configuration: configuration)
            try database.read { try JobStoreSchema.check($0, path: path) }
            try database.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA journal_mode = WAL")
                // What a client was told is queued stays queued when the power fails.
                try db.execute(sql: "PRAGMA synchronous = FULL")
            }
            try JobStoreSchema.migrator.migrate(database)
            let counts = try database.read(Self.counts)
            latest.withLock { $0 = counts }
        } catch {
            throw Self.translated(error, path)
        }
    }

    // MARK: - What requests ask

    /// Adds a job behind all others.
    ///
    /// - Returns: the job with its place: 0 where nothing else is queued or processed.
    /// - Throws: `JobError`; `limit` jobs wait already, or the disk refuses.
    package func add(_ job: Job, limit: Int) async throws -> Job {
        try await write { db in
            let waiting = try Int.fetchOne(db, sql: "SELECT count(*) FROM jobs WHERE status = 'queued'") ?? 0
            guard waiting < limit else {
                throw JobError("\(waiting) videos are queued already, which is the limit; try again later")
            }
            try db.execute(
                sql: """
                    INSERT INTO jobs (id, stream, source, path, is_upload, status, attempts, frames, queued_ns)
                    VALUES (?, ?, ?, ?, ?, 'queued', 0, 0, ?)
                    """,
                arguments: [
                    job.id, job.stream.description, job.source, job.path, job.isUpload, job.queuedAt.nanoseconds,
                ])
            return try Self.fetch(db, where: "id = ?", [job.id]).first ?? job
        }
    }

    /// The job of this id; nil for one that is not known, or forgotten.
    package func job(_ id: String) async throws -> Job? {
        try await read { try Self.fetch($0, where: "id = ?", [id]).first }
    }

    /// The newest jobs, newest last.
    package func jobs(limit: Int) async throws -> [Job] {
        try await read { db in
            try Self.fetch(
                db, where: "number > (SELECT coalesce(max(number), 0) FROM jobs) - ?", [Int64(clamping: limit)])
        }
    }

    /// How many there are, as of the latest change.
    package var counts: Counts { latest.withLock { $0 } }

    private static func counts(_ db: Database) throws -> Counts {
        var counts = Counts()
        for row in try Row.fetchAll(db, sql: "SELECT status, count(*) FROM jobs GROUP BY status") {
            let count: Int = row[1]
            switch Job.Status(rawValue: row[0]) {
            case .queued?: counts.queued = count
            case .processing?: counts.processing = count
            case .completed?: counts.completed = count
            case .failed?: counts.failed = count
            case .cancelled?: counts.cancelled = count
            case nil: break
            }
        }
        return counts
    }

    /// How long the latest completed jobs took on average, in seconds; nil where none is completed.
    package func averageSeconds() async throws -> Double? {
        try await read { db in
            try Double.fetchOne(
                db,
                sql: """
                    SELECT avg(seconds) FROM (
                        SELECT (completed_ns - started_ns) / 1e9 AS seconds FROM jobs WHERE status = 'completed'
                        ORDER BY number DESC LIMIT 20)
                    """)
        }
    }

    /// Cancels a job that nobody has begun.
    ///
    /// - Returns: whether it was so.
    package func cancelQueued(_ id: String, at now: Timestamp = .now) async throws -> Bool {
        try await write { db in
            try db.execute(
                sql: "UPDATE jobs SET status = 'cancelled', completed_ns = ? WHERE id = ? AND status = 'queued'",
                arguments: [now.nanoseconds, id])
            return db.changesCount > 0
        }
    }

    // MARK: - What the runner's thread does

    /// Queues again what an earlier life of the gateway had begun, at the place it had.
    package func recover() throws {
        try blockingWrite { try $0.execute(sql: "UPDATE jobs SET status = 'queued' WHERE status = 'processing'") }
    }

    /// Queues a job again, at the place it had.
    func requeue(_ id: String) throws {
        try blockingWrite { try $0.execute(sql: "UPDATE jobs SET status = 'queued' WHERE id = ?", arguments: [id]) }
    }

    /// The job that is the next, from now on being processed.
    package func beginNext(at now: Timestamp = .now) throws -> Job? {
        try blockingWrite { db in
            guard let next = try Self.fetch(db, where: "status = 'queued'", [], limit: 1).first else { return nil }
            try db.execute(
                sql: """
                    UPDATE jobs SET status = 'processing', attempts = attempts + 1, frames = 0, started_ns = ?
                    WHERE id = ?
                    """, arguments: [now.nanoseconds, next.id])
            return try Self.fetch(db, where: "id = ?", [next.id]).first
        }
    }

    /// Writes what the runner found out about a job.
    package func save(_ job: Job) throws {
        try blockingWrite { [history] db in
            try db.execute(
                sql: """
                    UPDATE jobs SET stream = ?, session = ?, status = ?, frames = ?, total = ?, completed_ns = ?, error = ?
                    WHERE id = ?
                    """,
                arguments: [
                    job.stream.description, job.session.map { Data($0.bytes) }, job.status.rawValue, job.frames,
                    job.total, job.completedAt?.nanoseconds, job.error, job.id,
                ])
            guard job.status.isOver else { return }
            try db.execute(
                sql: """
                    DELETE FROM jobs WHERE status NOT IN ('queued', 'processing') AND number <=
                        (SELECT number FROM jobs WHERE status NOT IN ('queued', 'processing')
                         ORDER BY number DESC LIMIT 1 OFFSET ?)
                    """, arguments: [history])
        }
    }

    /// The files of jobs that are not over: uploads that are nobody's can be deleted.
    func pathsInUse() throws -> Set<String> {
        do {
            return try database.read { db in
                try String.fetchSet(db, sql: "SELECT path FROM jobs WHERE status IN ('queued', 'processing')")
            }
        } catch {
            throw Self.translated(error, path)
        }
    }

    // MARK: - Rows

    private static func fetch(
        _ db: Database, where condition: String, _ arguments: StatementArguments, limit: Int = -1
    ) throws -> [Job] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT *, (SELECT count(*) FROM jobs AS other
                           WHERE other.number < jobs.number AND other.status IN ('queued', 'processing')) AS ahead
                FROM jobs WHERE \(condition) ORDER BY number LIMIT \(limit)
                """, arguments: arguments
        ).compactMap(job)
    }

    private static func job(_ row: Row) throws -> Job? {
        guard let status = Job.Status(rawValue: row["status"]), let stream = try? StreamName(row["stream"]) else {
            return nil
        }
        var job = Job(
            id: row["id"], stream: stream, session: (row["session"] as Data?).flatMap { SessionID(bytes: $0) },
            source: row["source"], path: row["path"], isUpload: row["is_upload"],
            queuedAt: Timestamp(nanoseconds: row["queued_ns"]))
        job.status = status
        job.attempts = row["attempts"]
        job.queuePosition = status == .queued ? row["ahead"] : nil
        job.frames = row["frames"]
        job.total = row["total"]
        job.startedAt = (row["started_ns"] as Int64?).map(Timestamp.init(nanoseconds:))
        job.completedAt = (row["completed_ns"] as Int64?).map(Timestamp.init(nanoseconds:))
        job.error = row["error"]
        return job
    }

    // MARK: - Access

    private func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await database.read(body)
        } catch {
            throw Self.translated(error, path)
        }
    }

    private func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await database.write { [self] in try counting($0, body) }
        } catch {
            throw Self.translated(error, path)
        }
    }

    private func blockingWrite<Value>(_ body: (Database) throws -> Value) throws(JobError) -> Value {
        do {
            return try database.write { try counting($0, body) }
        } catch {
            throw Self.translated(error, path)
        }
    }

    /// Within the transaction, so that the numbers follow each other as the changes do.
    private func counting<Value>(_ db: Database, _ body: (Database) throws -> Value) throws -> Value {
        let value = try body(db)
        let counts = try Self.counts(db)
        latest.withLock { $0 = counts }
        return value
    }

    private static func translated(_ error: any Error, _ path: String) -> JobError {
        if let error = error as? JobError { return error }
        guard let error = error as? DatabaseError else { return JobError("jobs \(path): \(error)") }
        let advice =
            switch error.resultCode {
            case .SQLITE_FULL: "the disk is full. Free some space"
            case .SQLITE_NOTADB, .SQLITE_CORRUPT: "its content is damaged. Set the file aside; jobs begin anew then"
            case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN:
                "it cannot be written. Change the owner or mode of the file and its folder, or choose another --state"
            default: "SQLite refused"
            }
        return JobError("jobs \(path): \(advice) (\(error.message ?? "no message"))")
    }
}

/// A file whose lock one process has for as long as it lives; the kernel releases it however that ends.
private final class FolderLock: Sendable {
    private let descriptor: Int32

    init(_ path: String) throws(JobError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw JobError("\(path) cannot be made: \(String(cString: strerror(errno))). Choose another --state folder")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw JobError(
                "\(path): another gateway uses this state folder. Stop that one, or choose another with --state")
        }
    }

    deinit {
        close(descriptor)
    }
}
