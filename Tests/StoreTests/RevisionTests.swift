import Foundation
import GRDB
import Messages
import Store
import Testing

@Suite("Revisions beside the outcomes")
struct RevisionTests {
    let folder: TemporaryFolder
    let session = SessionID()

    /// A store with an ended session of 20 frames, the eighth of them a drop.
    init() throws {
        folder = try TemporaryFolder()
        let store = try StoreWriter(path: folder.path())
        try store.append(
            (0..<20 as Range<UInt64>).map { sequence in
                let outcome = try Self.outcome(sequence, session, drop: sequence == 7)
                return .outcome(OutcomeRecord(outcome, body: Data(outcome.wireBytes())))
            })
        try store.append([.end(EndRecord(stream: StreamName("cam"), session: session, frames: 20))])
        try store.close()
    }

    private static func outcome(_ sequence: UInt64, _ session: SessionID, drop: Bool = false, persons: Int = 0) throws
        -> Outcome
    {
        let time = Timestamp(nanoseconds: Int64(sequence))
        return Outcome(
            frame: FrameHeader(
                stream: try StreamName("cam"), session: session, sequence: SequenceNumber(sequence), captureTime: time,
                acceptedTime: time),
            engine: "test", drop: drop ? Drop(stage: .ingest, reason: .corruptJPEG) : nil,
            persons: (0..<persons).map {
                Person(
                    trackID: UInt32($0), score: 1, bbox: BoundingBox(x: 0, y: 0, width: 1, height: 1), keypoints2D: [],
                    keypoints3D: [])
            })
    }

    /// Writes a revision in which each pose has as many persons as asked for.
    private func revise(persons: Int, finishing: Bool = true, upTo end: UInt64 = 20) throws {
        let store = try StoreWriter(path: folder.path())
        let record = try #require(try store.reader.session(session))
        let revision = try store.beginRevision(of: record, options: "{}")
        for sequence in 0..<end where sequence != 7 {
            try revision.append(try Self.outcome(sequence, session, persons: persons))
        }
        if finishing { try revision.finish(summary: "{\"done\":true}") }
        try store.close()
    }

    private func bodies(_ choice: RevisionChoice) throws -> [Outcome] {
        let reader = try StoreReader(path: folder.path())
        let record = try #require(try reader.session(session))
        var outcomes: [Outcome] = []
        try reader.forEachOutcome(of: session, revision: try reader.revision(choice, of: record)) {
            outcomes.append(try $0.outcome())
            #expect($0.persons == outcomes.last?.persons.count)
        }
        return outcomes
    }

    private func tamper(_ sql: String) throws {
        let database = try DatabaseQueue(path: folder.path())
        try database.writeWithoutTransaction { try $0.execute(sql: sql) }
        try database.close()
    }

    @Test("Both are read, each as it was written; drops are drops in both")
    func read() throws {
        let before = try bodies(.original)
        try revise(persons: 2)
        try revise(persons: 3)
        #expect(try bodies(.original) == before)
        for (choice, persons) in [(RevisionChoice.number(1), 2), (.number(2), 3), (.latest, 3)] {
            let outcomes = try bodies(choice)
            #expect(outcomes.map(\.frame.sequence.value) == Array(0..<20))
            #expect(outcomes.map(\.persons.count) == (0..<20).map { $0 == 7 ? 0 : persons })
            #expect(outcomes[7].drop?.reason == .corruptJPEG)
        }
        let reader = try StoreReader(path: folder.path())
        let revisions = try reader.revisions(of: session)
        #expect(revisions.map(\.number) == [1, 2] && revisions[0].next == SequenceNumber(20))
        #expect(revisions[0].summary == "{\"done\":true}")
        // Page by page as well.
        let page = try reader.outcomes(of: session, from: SequenceNumber(5), limit: 4, revision: revisions[0])
        #expect(page.map(\.sequence.value) == [5, 6, 7, 8] && page.map(\.persons) == [2, 2, 0, 2])
    }

    @Test("A drop is a drop even where a damaged revision says otherwise")
    func drop() throws {
        try revise(persons: 2)
        try tamper("INSERT INTO refined SELECT 1, 7, 2, body FROM refined WHERE sequence = 6")
        let outcome = try bodies(.latest)[7]
        #expect(outcome.drop != nil && outcome.persons.isEmpty && outcome.frame.sequence.value == 7)
    }

    @Test("A number that is not there is named, with those that are")
    func missing() throws {
        func complaint() -> String {
            do {
                _ = try bodies(.number(4))
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(complaint().contains("no revision 4") && complaint().contains("posebus refine"))
        try revise(persons: 1)
        #expect(complaint().contains("it has 1"))
        #expect(RevisionChoice("latest") == .latest && RevisionChoice("3") == .number(3))
        #expect(RevisionChoice("0") == nil && RevisionChoice("newest") == nil)
    }

    @Test("One that was not finished is not seen, and the next takes it away")
    func unfinished() throws {
        try revise(persons: 2, finishing: false, upTo: 12)
        // What an interruption after some transactions leaves.
        try tamper(
            "INSERT INTO refined (revision, sequence, persons, body) SELECT 1, sequence, persons, body FROM outcomes "
                + "WHERE sequence < 5")
        #expect(try StoreReader(path: folder.path()).revisions(of: session).isEmpty)
        #expect(try bodies(.latest).allSatisfy { $0.persons.isEmpty })
        #expect(try StoreReader(path: folder.path()).verify().holds)
        try revise(persons: 3)
        let left = try DatabaseQueue(path: folder.path()).read {
            try Row.fetchAll($0, sql: "SELECT revision, count(*) FROM refined GROUP BY revision").map { $0[1] as Int }
        }
        #expect(left == [19])
        #expect(try bodies(.latest)[0].persons.count == 3)
    }

    @Test("One that was abandoned leaves nothing")
    func abandoned() throws {
        let store = try StoreWriter(path: folder.path())
        let revision = try store.beginRevision(of: try #require(try store.reader.session(session)), options: "{}")
        // More than one transaction holds.
        for sequence in 0..<5000 as Range<UInt64> {
            try revision.append(try Self.outcome(sequence, session))
        }
        revision.abandon()
        try store.close()
        let counts = try DatabaseQueue(path: folder.path()).read { db in
            try ["refined", "revisions"].map { try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0)") }
        }
        #expect(counts == [0, 0])
    }

    @Test("A file of a release without revisions is read as ever")
    func older() throws {
        try tamper(
            """
            DROP TABLE refined; DROP TABLE revisions; ALTER TABLE sessions DROP COLUMN infer_state; DROP TABLE frames;
            DELETE FROM grdb_migrations WHERE identifier IN ('v2', 'v3', 'v4');
            """)
        #expect(try bodies(.latest).count == 20)
        let reader = try StoreReader(path: folder.path())
        #expect(try reader.revisions(of: session).isEmpty)
        let verdict = try reader.verify()
        #expect(verdict.holds && verdict.sessions[0].revisions == 0)
        // A writer brings it up to date.
        try revise(persons: 1)
        #expect(try bodies(.latest)[0].persons.count == 1)
    }

    @Test("A store with revisions holds")
    func verified() throws {
        try revise(persons: 2)
        try revise(persons: 1)
        let verdict = try StoreReader(path: folder.path()).verify()
        #expect(verdict.holds && verdict.sessions[0].revisions == 2)
    }

    @Test(
        "What does not fit is found and named",
        arguments: [
            ("DELETE FROM refined WHERE sequence = 4", "revision 1: the pose of sequence 4 is missing"),
            (
                "INSERT INTO refined SELECT 1, 7, 0, body FROM refined WHERE sequence = 6",
                "revision 1: sequence 7 was dropped, and has a pose here"
            ),
            ("UPDATE refined SET sequence = 30 WHERE sequence = 4", "revision 1: sequence 30 is none that was refined"),
            ("UPDATE refined SET body = x'ffff' WHERE sequence = 4", "revision 1: sequence 4: its body cannot be read"),
            (
                "UPDATE refined SET body = (SELECT body FROM refined WHERE sequence = 5) WHERE sequence = 4",
                "revision 1: sequence 4: its body is of something else"
            ),
            (
                "UPDATE refined SET body = (SELECT body FROM outcomes WHERE sequence = 7) WHERE sequence = 4",
                "revision 1: sequence 4: its body is of something else"
            ),
            (
                "UPDATE refined SET persons = 5 WHERE sequence = 4",
                "revision 1: sequence 4: its body is of something else"
            ),
            ("UPDATE revisions SET next_sequence = 40", "revision 1: it reaches to 40, further than the session"),
            ("UPDATE revisions SET next_sequence = 10", "revision 1: sequence 10 is none that was refined"),
            (
                "PRAGMA foreign_keys = OFF; UPDATE refined SET revision = 9 WHERE sequence < 3",
                "3 refined poses belong to no revision"
            ),
        ])
    func tampered(_ sql: String, _ finding: String) throws {
        try revise(persons: 2)
        try tamper(sql)
        let verdict = try StoreReader(path: folder.path()).verify()
        let findings = verdict.findings + verdict.sessions.flatMap(\.findings)
        #expect(!verdict.holds && findings.contains { $0.contains(finding) }, "\(findings)")
    }
}
