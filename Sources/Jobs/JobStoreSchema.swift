internal import GRDB

/// The table of jobs, and how an older file becomes a current one.
enum JobStoreSchema {
    /// Marks the file as ours in SQLite's header ("PBjb").
    static let applicationID: Int32 = 0x5042_6A62

    /// Every version of the schema, oldest first. A released one is never changed; a change is a new migration.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("v1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE jobs (
                        number INTEGER PRIMARY KEY AUTOINCREMENT,
                        id TEXT NOT NULL UNIQUE,
                        stream TEXT NOT NULL,
                        session BLOB,
                        source TEXT NOT NULL,
                        path TEXT NOT NULL,
                        is_upload INTEGER NOT NULL,
                        status TEXT NOT NULL,
                        attempts INTEGER NOT NULL,
                        frames INTEGER NOT NULL,
                        total INTEGER,
                        queued_ns INTEGER NOT NULL,
                        started_ns INTEGER,
                        completed_ns INTEGER,
                        error TEXT
                    ) STRICT;
                    CREATE INDEX jobs_by_status ON jobs (status, number);
                    """)
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        }
        return migrator
    }

    /// Refuses files of other programs and of later releases.
    static func check(_ db: Database, path: String) throws {
        let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if application != applicationID {
            let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
            guard application == 0, tables == 0 else {
                throw JobError(
                    "\(path) is no list of PoseBus's jobs. Choose another state folder; this file was not touched")
            }
        }
        guard try !migrator.hasBeenSuperseded(db) else {
            throw JobError("\(path) was written by a later release of PoseBus. Update PoseBus on this machine")
        }
    }
}
