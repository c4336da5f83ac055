import Foundation
import GRDB
import Messages
import Store
import Testing

@Suite("A store that cannot be used says why")
struct StoreErrorTests {
    let folder: TemporaryFolder
    let session = SessionID()

    init() throws {
        folder = try TemporaryFolder()
    }

    private func writing(_ path: String) -> StoreError? {
        #expect(throws: StoreError.self) { _ = try StoreWriter(path: path) }
    }

    private func reading(_ path: String) -> StoreError? {
        #expect(throws: StoreError.self) { _ = try StoreReader(path: path) }
    }

    @Test("No folder, a folder in its place, no file to read")
    func paths() throws {
        #expect(writing(folder.path("missing/store.sqlite"))?.kind == .folderMissing)
        #expect(writing(folder.url.path)?.kind == .notAStore)
        #expect(reading(folder.path())?.kind == .missing)
        #expect(writing("/proc/store.sqlite") != nil)
    }

    @Test("The path and the way out are in the message")
    func message() {
        let path = folder.path("missing/store.sqlite")
        let text = writing(path)?.description ?? ""
        #expect(text.contains(path) && text.contains("Create it"))
    }

    @Test("Another program's file is refused and not touched")
    func foreign() throws {
        let letter = Data(String(repeating: "a letter to my aunt\n", count: 100).utf8)
        try letter.write(to: URL(fileURLWithPath: folder.path("letter")))
        #expect(writing(folder.path("letter"))?.kind == .notAStore)
        #expect(reading(folder.path("letter"))?.kind == .notAStore)
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path("letter"))) == letter)

        let other = try DatabaseQueue(path: folder.path("other.sqlite"))
        try other.write { try $0.execute(sql: "CREATE TABLE recipes (name TEXT)") }
        try other.close()
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.path("other.sqlite")))
        #expect(writing(folder.path("other.sqlite"))?.kind == .notAStore)
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path("other.sqlite"))) == before)
    }

    @Test("A later release's schema")
    func newer() throws {
        let store = try StoreWriter(path: folder.path())
        try store.database.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('v999')") }
        try store.close()
        #expect(reading(folder.path())?.kind == .newerSchema)
    }

    @Test("A second writer is kept out until the first is gone")
    func second() throws {
        var first: StoreWriter? = try StoreWriter(path: folder.path())
        #expect(writing(folder.path())?.kind == .inUse)
        try first?.append(try entries(0..<1, of: session))
        first = nil
        #expect(try StoreWriter(path: folder.path()).reader.session(session)?.next == SequenceNumber(1))
    }

    @Test("A full disk: nothing of the batch is stored, and the same batch goes in when there is room")
    func full() throws {
        let store = try StoreWriter(path: folder.path())
        try store.append(try entries(0..<10, of: session))
        try store.database.writeWithoutTransaction { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            try db.execute(sql: "PRAGMA max_page_count = \(pages + 4)")
        }
        let batch = try entries(10..<110, of: session, bytes: 1000)
        let error = #expect(throws: StoreError.self) { try store.append(batch) }
        #expect(error?.kind == .diskFull)
        #expect(try store.reader.session(session)?.next == SequenceNumber(10))
        try store.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 100000") }
        #expect(try store.append(batch) == 100)
        #expect(try store.reader.outcomes(of: session).map(\.sequence.value) == Array(0..<110))
    }

    @Test("Opening again finds what was committed, and notices what is gone")
    func reopen() throws {
        let store = try StoreWriter(path: folder.path())
        try store.append(try entries(0..<10, of: session))
        try store.reopen()
        #expect(try store.append(try entries(10..<12, of: session)) == 2)

        try store.database.write { try $0.execute(sql: "UPDATE sessions SET next_sequence = 11") }
        let error = #expect(throws: StoreError.self) { try store.reopen() }
        #expect(error?.kind == .lostCommits)
    }
}
