import Foundation
import GRDB
import Messages
import Store
import Testing

@Suite("A store is checked against the promise")
struct VerifyTests {
    let folder: TemporaryFolder
    let session = SessionID()

    /// A store with an ended session of 20 frames, one of them a drop, and one of another stream that runs still.
    init() throws {
        folder = try TemporaryFolder()
        let store = try StoreWriter(path: folder.path())
        let other = SessionID()
        try store.append((0..<20 as Range<UInt64>).map { .outcome(try Self.row($0, session, drop: $0 == 7)) })
        try store.append((5..<9 as Range<UInt64>).map { .outcome(try Self.row($0, other, stream: "door")) })
        try store.append([.end(EndRecord(stream: StreamName("cam"), session: session, frames: 20))])
        try store.close()
    }

    private static func row(
        _ sequence: UInt64, _ session: SessionID, stream: String = "cam", drop: Bool = false
    ) throws -> OutcomeRecord {
        let time = Timestamp(nanoseconds: Int64(sequence))
        let outcome = Outcome(
            frame: FrameHeader(
                stream: try StreamName(stream), session: session, sequence: SequenceNumber(sequence), captureTime: time,
                acceptedTime: time),
            engine: "test", drop: drop ? Drop(stage: .ingest, reason: .corruptJPEG) : nil)
        return OutcomeRecord(outcome, body: Data(outcome.wireBytes()))
    }

    private func verdict() throws -> StoreVerdict { try StoreReader(path: folder.path()).verify() }

    /// Changes the store behind its back.
    private func tamper(_ sql: String, _ arguments: StatementArguments = []) throws {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let database = try DatabaseQueue(path: folder.path(), configuration: configuration)
        try database.writeWithoutTransaction { try $0.execute(sql: sql, arguments: arguments) }
        try database.close()
    }

    @Test("A store as a sink writes it holds")
    func good() throws {
        let verdict = try verdict()
        #expect(verdict.holds)
        #expect(verdict.sessions.map(\.outcomes) == [20, 4])
        #expect(verdict.sessions.map(\.session.first.value) == [0, 5])
    }

    @Test("An empty store holds")
    func empty() throws {
        try StoreWriter(path: folder.path("empty.sqlite")).close()
        let verdict = try StoreReader(path: folder.path("empty.sqlite")).verify()
        #expect(verdict.holds && verdict.sessions.isEmpty)
    }

    @Test(
        "What does not fit is found and named",
        arguments: [
            ("DELETE FROM outcomes WHERE session = 1 AND sequence = 4", "sequence 4 is missing"),
            ("DELETE FROM outcomes WHERE session = 1 AND sequence IN (3, 4, 5)", "sequences 3 to 5 are missing"),
            ("DELETE FROM outcomes WHERE session = 1 AND sequence = 0", "sequence 0 is missing"),
            ("DELETE FROM outcomes WHERE session = 1 AND sequence = 19", "sequence 19 is missing"),
            ("DELETE FROM outcomes WHERE session = 1", "sequences 0 to 19 are missing"),
            (
                "UPDATE sessions SET poses = 20, drops = 0 WHERE id = 1",
                "it counts 20 poses and 0 drops; there are 19 and 1"
            ),
            ("UPDATE sessions SET poses = 3 WHERE id = 2", "it counts 3 poses and 0 drops; there are 4 and 0"),
            ("UPDATE sessions SET next_sequence = 19, frames = 19 WHERE id = 1", "the session's mark is 19"),
            ("UPDATE sessions SET next_sequence = 21 WHERE id = 1", "sequence 20 is missing"),
            ("UPDATE sessions SET frames = 21 WHERE id = 1", "it ended with 21 frames, but its mark is 20"),
            ("UPDATE sessions SET frames = NULL WHERE id = 1", "does not say how many frames"),
            ("UPDATE sessions SET ended_ns = NULL WHERE id = 1", "it has not ended, yet says that it has 20 frames"),
            ("UPDATE sessions SET first_sequence = 4 WHERE id = 2", "sequence 4 is missing"),
            ("UPDATE sessions SET first_sequence = 6 WHERE id = 2", "sequence 5 lies before the session's first, 6"),
            ("UPDATE sessions SET stream = 'yard' WHERE id = 2", "its body says another stream"),
            ("UPDATE sessions SET uuid = randomblob(16) WHERE id = 2", "its body says another session"),
            (
                "UPDATE outcomes SET body = x'ffff' WHERE session = 1 AND sequence = 4",
                "sequence 4: its body cannot be read"
            ),
            (
                "UPDATE outcomes SET body = x'' WHERE session = 1 AND sequence = 4",
                "sequence 4: its body cannot be read"
            ),
            (
                "UPDATE outcomes SET body = (SELECT body FROM outcomes WHERE session = 1 AND sequence = 5) "
                    + "WHERE session = 1 AND sequence = 4",
                "sequence 4: its body says sequence 5"
            ),
            (
                "UPDATE outcomes SET body = (SELECT body FROM outcomes WHERE session = 2 AND sequence = 5) "
                    + "WHERE session = 1 AND sequence = 5",
                "sequence 5: its body says another session"
            ),
            ("UPDATE outcomes SET persons = 2 WHERE session = 1 AND sequence = 4", "its body says 0 persons"),
            ("UPDATE outcomes SET capture_time_ns = 0 WHERE session = 1 AND sequence = 4", "another time of capture"),
            (
                "UPDATE outcomes SET drop_stage = 'infer', drop_reason = 'shed' WHERE session = 1 AND sequence = 7",
                "its body says another drop"
            ),
            (
                "UPDATE outcomes SET rowid = 1000 WHERE session = 1 AND sequence = 4",
                "sequence 5 was stored before its predecessor"
            ),
            ("UPDATE outcomes SET session = 99 WHERE session = 2", "4 outcomes belong to no session"),
        ])
    func tampered(_ sql: String, _ finding: String) throws {
        try tamper(sql)
        let verdict = try verdict()
        #expect(!verdict.holds)
        let findings = verdict.findings + verdict.sessions.flatMap(\.findings)
        #expect(findings.contains { $0.contains(finding) }, "\(findings)")
    }

    @Test("A second outcome for a frame, were its key gone")
    func twice() throws {
        // SQLite keeps the key as long as the table has it: the table is made again without.
        try tamper(
            """
            CREATE TABLE copy AS SELECT * FROM outcomes; DROP TABLE outcomes; ALTER TABLE copy RENAME TO outcomes;
            INSERT INTO outcomes SELECT * FROM outcomes WHERE session = 1 AND sequence = 4;
            """)
        let findings = try verdict().sessions[0].findings
        #expect(findings.contains("sequence 4 is there more than once"))
        #expect(findings.contains { $0.contains("there are 20 and 1") })
    }

    @Test("Long lists of findings are cut")
    func cut() throws {
        try tamper("UPDATE outcomes SET persons = 7, capture_time_ns = -1")
        let findings = try verdict().sessions[0].findings
        #expect(findings.count == 21 && findings.last == "and 20 more")
    }

    @Test("A damaged page, and a file that was cut short")
    func damaged() throws {
        let path = folder.path()
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        // Whatever is broken, verifying either throws or finds it; which of the two depends on the page.
        for page in 1..<(whole.count / 4096) {
            var bytes = whole
            for index in page * 4096..<page * 4096 + 4096 { bytes[index] ^= 0xa5 }
            try bytes.write(to: URL(fileURLWithPath: path))
            #expect((try? verdict())?.holds != true, "page \(page)")
        }
        for length in [whole.count - 4096, whole.count / 2, 4096] {
            try whole.prefix(length).write(to: URL(fileURLWithPath: path))
            #expect((try? verdict())?.holds != true, "\(length) bytes")
        }
        try whole.write(to: URL(fileURLWithPath: path))
        #expect(try verdict().holds)
    }
}
