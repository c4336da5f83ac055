internal import GRDB

/// The tables, and how an older file becomes a current one.
///
/// `outcomes` keeps SQLite's own row number besides its key: rows of interleaved streams are then appended at one
/// place, and only the small index is sorted by session.
enum StoreSchema {
    /// Marks the file as ours in SQLite's header ("PBus").
    static let applicationID: Int32 = 0x5042_7573

    /// Every version of the schema, oldest first. A released one is never changed; a change is a new migration.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("v1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE sessions (
                        id INTEGER PRIMARY KEY,
                        uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
                        stream TEXT NOT NULL,
                        began_ns INTEGER NOT NULL,
                        ended_ns INTEGER,
                        frames INTEGER,
                        first_sequence INTEGER NOT NULL,
                        next_sequence INTEGER NOT NULL,
                        poses INTEGER NOT NULL,
                        drops INTEGER NOT NULL
                    ) STRICT;
                    CREATE INDEX sessions_of_stream ON sessions (stream, id);
                    CREATE TABLE outcomes (
                        session INTEGER NOT NULL REFERENCES sessions (id),
                        sequence INTEGER NOT NULL,
                        capture_time_ns INTEGER NOT NULL,
                        drop_stage TEXT,
                        drop_reason TEXT,
                        persons INTEGER NOT NULL,
                        body BLOB NOT NULL,
                        UNIQUE (session, sequence)
                    ) STRICT;
                    """)
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        }
        migrator.registerMigration("v2") { db in
            // What infer knows of a running session; one that has ended needs none.
            try db.execute(sql: "ALTER TABLE sessions ADD COLUMN infer_state BLOB")
        }
        migrator.registerMigration("v3") { db in
            // What posebus refine made of a session: a body for each of its poses, beside the outcomes, which stay as they
            // are. A revision is one once it has a summary; one without is what an interrupted refinement left.
            try db.execute(
                sql: """
                    CREATE TABLE revisions (
                        id INTEGER PRIMARY KEY,
                        session INTEGER NOT NULL REFERENCES sessions (id),
                        number INTEGER NOT NULL,
                        next_sequence INTEGER NOT NULL,
                        made_ns INTEGER NOT NULL,
                        options TEXT NOT NULL,
                        summary TEXT,
                        UNIQUE (session, number)
                    ) STRICT;
                    CREATE TABLE refined (
                        revision INTEGER NOT NULL REFERENCES revisions (id),
                        sequence INTEGER NOT NULL,
                        persons INTEGER NOT NULL,
                        body BLOB NOT NULL,
                        UNIQUE (revision, sequence)
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("v4") { db in
            // The pictures that outcomes belong to, where a sink keeps them, in the order in which they came: the oldest
            // go first.
            try db.execute(
                sql: """
                    CREATE TABLE frames (
                        id INTEGER PRIMARY KEY,
                        session INTEGER NOT NULL REFERENCES sessions (id),
                        sequence INTEGER NOT NULL,
                        jpeg BLOB NOT NULL,
                        UNIQUE (session, sequence)
                    ) STRICT;
                    """)
        }
        return migrator
    }

    /// Refuses files of other programs and of later releases.
    static func check(_ db: Database, path: String, mayBeEmpty: Bool) throws {
        let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if application != applicationID {
            let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
            guard mayBeEmpty, application == 0, tables == 0 else { throw StoreError(.notAStore, path: path) }
        }
        guard try !migrator.hasBeenSuperseded(db) else { throw StoreError(.newerSchema, path: path) }
    }
}
