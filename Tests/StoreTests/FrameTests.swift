import Foundation
import GRDB
import Messages
import Store
import Testing

@Suite("Pictures are kept with their outcomes, bounded, the oldest go first")
struct FrameTests {
    let folder: TemporaryFolder
    let session = SessionID()

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open(_ frameBytes: Int64?) throws -> StoreWriter {
        try StoreWriter(path: folder.path(), frameBytes: frameBytes)
    }

    /// Opens the store, does something with it and closes it, so that it can be opened again.
    private func writing(_ frameBytes: Int64?, _ body: (StoreWriter) throws -> Void) throws {
        let store = try open(frameBytes)
        try body(store)
        try store.close()
    }

    private func jpeg(_ sequence: UInt64, bytes: Int = 1000) -> Data {
        Data(repeating: UInt8(truncatingIfNeeded: sequence), count: bytes)
    }

    /// Outcomes with a picture of 1,000 bytes each.
    private func pictures(_ range: Range<UInt64>, of session: SessionID, bytes: Int = 1000) throws -> [StoreEntry] {
        try range.flatMap { sequence in
            [
                .outcome(try record(sequence, of: session)),
                .frame(
                    FrameRecord(
                        session: session, sequence: SequenceNumber(sequence), jpeg: jpeg(sequence, bytes: bytes))),
            ]
        }
    }

    private func kept(_ store: StoreReader, _ session: SessionID) throws -> [UInt64] {
        try store.frames(
            of: session, from: .first, through: SequenceNumber(1_000_000), limit: 10_000, maxBytes: .max
        ).map(\.sequence.value)
    }

    @Test("A picture is read back as it came, by anybody who reads the store")
    func roundTrip() throws {
        let store = try open(1 << 20)
        #expect(try store.append(try pictures(0..<3, of: session)) == 3)
        #expect(store.frameTally.bytes == 3000 && store.frameTally.kept == 3)
        let reader = try StoreReader(path: folder.path())
        #expect(try reader.frame(of: session, sequence: SequenceNumber(1)) == jpeg(1))
        #expect(try reader.frame(of: session, sequence: SequenceNumber(3)) == nil)
        #expect(try reader.frame(of: SessionID(), sequence: .first) == nil)
        #expect(try reader.keptFrameCount(of: session) == 3)
        // A page ends with the picture that takes it past its bytes.
        let page = try reader.frames(of: session, from: .first, through: SequenceNumber(9), limit: 9, maxBytes: 1001)
        #expect(page.map(\.sequence.value) == [0, 1])
    }

    @Test("The oldest make room, whichever session they are of, and the sum stays within the limit at every commit")
    func bounded() throws {
        let store = try open(10_000)
        let second = SessionID()
        for sequence in 0..<8 as Range<UInt64> {
            try store.append(
                try pictures(sequence..<sequence + 1, of: session) + pictures(sequence..<sequence + 1, of: second))
            #expect(store.frameTally.bytes <= 10_000)
        }
        #expect(try kept(store.reader, session) == Array(3..<8) && kept(store.reader, second) == Array(3..<8))
        #expect(store.frameTally.kept == 16 && store.frameTally.deleted == 6)
        // Of the outcomes none went with them.
        #expect(try store.reader.totals().outcomes == 16)
        let sum = try store.database.read { try Int64.fetchOne($0, sql: "SELECT sum(length(jpeg)) FROM frames") }
        #expect(sum == store.frameTally.bytes)
    }

    @Test("An outcome that comes again does not bring back a picture that made room")
    func duplicates() throws {
        try writing(3000) { store in
            try store.append(try pictures(0..<5, of: session))
            #expect(try kept(store.reader, session) == [2, 3, 4])
            #expect(try store.append(try pictures(0..<5, of: session)) == 0)
            #expect(try kept(store.reader, session) == [2, 3, 4] && store.frameTally.bytes == 3000)
        }
        // The same after a restart.
        let again = try open(3000)
        try again.append(try pictures(0..<6, of: session))
        #expect(try kept(again.reader, session) == [3, 4, 5] && again.frameTally.bytes == 3000)
    }

    @Test("A picture without its outcome just before it is not taken")
    func strangers() throws {
        let store = try open(10_000)
        let alone = StoreEntry.frame(FrameRecord(session: session, sequence: .first, jpeg: jpeg(0)))
        try store.append([alone])
        try store.append(try entries(0..<2, of: session) + [alone])
        #expect(try kept(store.reader, session).isEmpty && store.frameTally.bytes == 0)
    }

    @Test("What a file holds counts after it was opened again, in the same life too")
    func reopened() throws {
        try writing(5000) { store in
            try store.append(try pictures(0..<4, of: session))
            try store.reopen()
            #expect(store.frameTally.bytes == 4000 && store.frameTally.kept == 4)
        }
        let again = try open(5000)
        #expect(again.frameTally.bytes == 4000)
        try again.append(try pictures(4..<7, of: session))
        #expect(try kept(again.reader, session) == [2, 3, 4, 5, 6])
    }

    @Test("A lower limit is reached by steps that keep no commit waiting, and then holds")
    func loweredLimit() throws {
        try writing(1 << 20) { _ = try $0.append(try pictures(0..<300, of: session)) }
        let lower = try open(20_000)
        #expect(lower.frameTally.bytes == 300_000)
        var next: UInt64 = 300
        while lower.frameTally.bytes > 20_000 {
            let before = lower.frameTally.deleted
            try lower.append(try pictures(next..<next + 1, of: session))
            next += 1
            #expect(lower.frameTally.deleted - before <= 64 && next < 320)
        }
        #expect(try kept(lower.reader, session) == Array(next - 20..<next))
        // Many at once are no way around it.
        try lower.append(try pictures(next..<next + 200, of: session))
        #expect(try kept(lower.reader, session) == Array(next + 180..<next + 200))
    }

    @Test("Without a limit none is taken and those that are there stay; one larger than the limit moves no other")
    func limits() throws {
        try writing(5000) { store in
            try store.append(try pictures(0..<2, of: session))
            try store.append(try pictures(2..<3, of: session, bytes: 5001))
            #expect(try kept(store.reader, session) == [0, 1])
        }
        let without = try open(nil)
        try without.append(try pictures(3..<5, of: session))
        #expect(try kept(without.reader, session) == [0, 1])
        #expect(try without.reader.totals().outcomes == 5)
    }

    @Test("A commit that fails leaves no picture and no count of one")
    func failed() throws {
        let store = try open(2000)
        try store.append(try pictures(0..<2, of: session))
        let gap = try pictures(2..<4, of: session) + entries(9..<10, of: session)
        #expect(throws: StoreError.self) { try store.append(gap) }
        #expect(store.frameTally.bytes == 2000 && store.frameTally.kept == 2 && store.frameTally.deleted == 0)
        #expect(try kept(store.reader, session) == [0, 1])
        try store.append(try pictures(2..<4, of: session))
        #expect(try kept(store.reader, session) == [2, 3])
    }

    @Test("A file of a release without pictures is read as ever, and a writer makes room for them")
    func older() throws {
        try writing(nil) { _ = try $0.append(try entries(0..<3, of: session)) }
        try DatabaseQueue(path: folder.path()).write { db in
            try db.execute(sql: "DROP TABLE frames; DELETE FROM grdb_migrations WHERE identifier = 'v4'")
        }
        let reader = try StoreReader(path: folder.path())
        #expect(try reader.frame(of: session, sequence: .first) == nil && reader.keptFrameCount(of: session) == 0)
        let timeline = try reader.timeline(of: session, from: .first, through: SequenceNumber(9), limit: 9)
        #expect(timeline.map(\.isKept) == [false, false, false])
        let writer = try open(5000)
        try writer.append(try pictures(3..<5, of: session))
        #expect(try kept(writer.reader, session) == [3, 4])
    }
}
