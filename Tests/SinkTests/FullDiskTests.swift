import Foundation
import Messages
import Sink
import Store
import Testing
import ZeroMQ

/// A file system of its own, small enough to be filled.
final class SmallDisk {
    let folder: TemporaryFolder

    /// Nil where mounting is not permitted.
    init?(megabytes: Int) throws {
        folder = try TemporaryFolder()
        let mount = Process()
        mount.executableURL = URL(fileURLWithPath: "/bin/mount")
        mount.arguments = ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", folder.url.path]
        mount.standardError = FileHandle.nullDevice
        guard (try? mount.run()) != nil else { return nil }
        mount.waitUntilExit()
        guard mount.terminationStatus == 0 else { return nil }
    }

    var filler: URL { folder.url.appendingPathComponent("filler") }

    /// Takes all room that is left.
    func fill() throws {
        #expect(FileManager.default.createFile(atPath: filler.path, contents: nil))
        let file = try FileHandle(forWritingTo: filler)
        let page = Data(count: 4096)
        while (try? file.write(contentsOf: page)) != nil {}
        try file.close()
    }

    deinit {
        let unmount = Process()
        unmount.executableURL = URL(fileURLWithPath: "/bin/umount")
        unmount.arguments = ["--lazy", folder.url.path]
        try? unmount.run()
        unmount.waitUntilExit()
    }

    /// Whether this process may mount.
    static let isPossible = (try? SmallDisk(megabytes: 1)) != nil
}

@Suite("A full disk under the store", .serialized, .timeLimit(.minutes(5)))
struct FullDiskTests {
    @Test(
        "Nothing is acknowledged that is not stored, and it goes on by itself when there is room",
        .enabled(if: SmallDisk.isPossible, "mounting a small file system is not permitted here"))
    func fullDisk() throws {
        let disk = try #require(try SmallDisk(megabytes: 4))
        let session = try FakeSession("cam")
        let sink = try RunningSink(store: disk.folder.store) {
            $0.retryInterval = .milliseconds(20) ... .milliseconds(50)
        }
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        let push = try sink.connect(.push, to: "outcomes")
        try push.push(session.poses(0..<10))
        _ = try acks.acknowledgement { $0.next == SequenceNumber(10) }

        try disk.fill()
        // Far more than the pages that SQLite has to itself.
        try push.push(session.poses(10..<4000))
        try sink.waitForLog("cannot store")
        var acknowledged = SequenceNumber(10)
        while case .parts(let parts)? = try acks.receive() {
            acknowledged = try Acknowledgement(wire: parts[1].bytes).next
        }
        #expect(acknowledged < SequenceNumber(4000))
        let stored = try #require(try StoreReader(path: disk.folder.store).session(session.id))
        #expect(stored.next >= acknowledged)

        try FileManager.default.removeItem(at: disk.filler)
        // The rest needs more than 4 MB: room is made by taking the disk's limit away.
        let grow = Process()
        grow.executableURL = URL(fileURLWithPath: "/bin/mount")
        grow.arguments = ["-o", "remount,size=64m", disk.folder.url.path]
        try grow.run()
        grow.waitUntilExit()
        _ = try acks.acknowledgement { $0.next == SequenceNumber(4000) }
        let counters = try sink.finish()
        #expect(counters.failedCommits > 0)
        #expect(counters.poses == 4000 && counters.duplicates == 0)
        let reader = try StoreReader(path: disk.folder.store)
        #expect(try reader.session(session.id)?.poses == 4000)
    }
}
