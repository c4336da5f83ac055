import Foundation
import GRDB
import Messages
import Store
import Testing

@Suite("The store keeps every outcome once, in order")
struct StoreTests {
    let folder: TemporaryFolder
    let session = SessionID()

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("What was appended is read back after the file was closed")
    func roundTrip() throws {
        let rows = [try record(0, of: session), try record(1, of: session, drop: .corruptJPEG)]
        let store = try StoreWriter(path: folder.path())
        #expect(try store.append(rows.map(StoreEntry.outcome)) == 2)
        try store.append([.end(EndRecord(stream: StreamName("cam"), session: session, frames: 2))])
        try store.close()

        let reader = try StoreReader(path: folder.path())
        #expect(try reader.outcomes(of: session) == rows)
        let known = try #require(try reader.session(session))
        #expect((known.next, known.poses, known.drops, known.frames) == (SequenceNumber(2), 1, 1, 2))
        #expect(known.ended != nil)
        #expect(try reader.totals() == StoreTotals(sessions: 1, poses: 1, drops: 1))
    }

    @Test("Of what infer knows the latest is kept, with the outcomes it belongs to, until the session ends")
    func inferState() throws {
        let store = try StoreWriter(path: folder.path())
        func state(_ bytes: [UInt8]) -> StoreEntry { .state(SessionStateRecord(session: session, state: bytes)) }
        try store.append(try entries(0..<1, of: session) + [state([1])] + entries(1..<2, of: session) + [state([2])])
        #expect(try store.reader.inferState(of: session) == [2])
        // Of an outcome that the store has already it is not heard either.
        try store.append(try entries(1..<2, of: session) + [state([9])])
        #expect(try store.reader.inferState(of: session) == [2])
        try store.append([.end(EndRecord(stream: StreamName("cam"), session: session, frames: 2))])
        #expect(try store.reader.inferState(of: session) == [])
    }

    @Test("Write-ahead log and a sync at every commit")
    func durability() throws {
        let store = try StoreWriter(path: folder.path())
        let mode = try store.database.read { db in try String.fetchOne(db, sql: "PRAGMA journal_mode") }
        let level = try store.database.read { db in try Int.fetchOne(db, sql: "PRAGMA synchronous") }
        #expect(mode == "wal")
        #expect(level == 2)  // FULL
    }

    @Test("The first commit of a sequence counts, in the same life and after a restart")
    func duplicates() throws {
        var store: StoreWriter? = try StoreWriter(path: folder.path())
        try store?.append(try entries(0..<3, of: session))
        var other = try record(1, of: session)
        other.body = Data("another".utf8)
        #expect(try store?.append([.outcome(other)]) == 0)
        store = nil
        let again = try StoreWriter(path: folder.path())
        #expect(try again.append([.outcome(other)] + (try entries(3..<4, of: session))) == 1)
        let kept = try again.reader.outcomes(of: session)
        #expect(kept.map(\.sequence.value) == [0, 1, 2, 3])
        #expect(kept[1] == (try record(1, of: session)))
    }

    @Test("A batch with a hole is refused whole")
    func gap() throws {
        let store = try StoreWriter(path: folder.path())
        try store.append(try entries(0..<2, of: session))
        let error = #expect(throws: StoreError.self) {
            try store.append(entries(2..<4, of: session) + entries(5..<6, of: session))
        }
        #expect(error?.kind == .gap)
        #expect(try store.reader.session(session)?.next == SequenceNumber(2))
        // The writer's own marks did not run ahead either.
        #expect(try store.append(try entries(2..<4, of: session)) == 2)
    }

    @Test("A session whose beginning another store has begins later")
    func lateBeginning() throws {
        let store = try StoreWriter(path: folder.path())
        try store.append(try entries(40..<43, of: session))
        let known = try #require(try store.reader.session(session))
        #expect((known.first, known.next, known.poses) == (SequenceNumber(40), SequenceNumber(43), 3))
    }

    @Test("Interleaved streams keep their own order, and the latest session is found")
    func streams() throws {
        let store = try StoreWriter(path: folder.path())
        let second = SessionID()
        let door = SessionID()
        try store.append(try entries(0..<1, of: session) + (try entries(0..<1, of: door, stream: "door")))
        try store.append(try entries(1..<2, of: session) + (try entries(0..<2, of: second)))
        #expect(try store.reader.latestSession(of: StreamName("cam"))?.session == second)
        #expect(try store.reader.sessions(of: StreamName("cam")).map(\.session) == [session, second])
        #expect(try store.reader.sessions().count == 3)
        #expect(try store.reader.outcomes(of: door).map(\.stream.description) == ["door"])
    }

    @Test("A long session is walked through page by page, in order, between its bounds")
    func pages() throws {
        let store = try StoreWriter(path: folder.path())
        try store.append(try entries(0..<1000, of: session))
        var seen: [UInt64] = []
        try store.reader.forEachOutcome(of: session, from: SequenceNumber(3), through: SequenceNumber(900)) {
            seen.append($0.sequence.value)
        }
        #expect(seen == Array(3...900))
        #expect(try store.reader.outcomes(of: session, limit: 10).count == 10)
        // 100 bytes each: the third takes the page past 250.
        #expect(try store.reader.outcomes(of: session, maxBytes: 250).count == 3)
    }

    @Test("A reader sees each commit while the writer goes on")
    func readWhileWriting() throws {
        let store = try StoreWriter(path: folder.path())
        let reader = try StoreReader(path: folder.path())
        for sequence in 0..<20 as Range<UInt64> {
            try store.append(try entries(sequence..<sequence + 1, of: session))
            #expect(try reader.session(session)?.next == SequenceNumber(sequence + 1))
        }
    }
}
