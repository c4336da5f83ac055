import Foundation
import Jobs
import Messages
import Testing

@Suite("The list of jobs outlives the gateway")
struct JobStoreTests {
    @Test("Jobs keep their order and place; what was begun is the next again after a restart")
    func order() async throws {
        let folder = try TemporaryFolder()
        var ids: [String] = []
        do {
            let store = try JobStore(folder: folder.url)
            for number in 0..<3 {
                let job = try await store.add(Job(path: "/videos/ride \(number).mp4"), limit: 10)
                #expect(job.queuePosition == number)
                ids.append(job.id)
            }
            #expect(try store.beginNext()?.id == ids[0])
            #expect(try await store.job(ids[0])?.status == .processing)
            #expect(try await store.job(ids[0])?.queuePosition == nil)
            #expect(try await store.job(ids[1])?.queuePosition == 1)
            let counts = store.counts
            #expect((counts.queued, counts.processing, counts.total) == (2, 1, 3))
        }
        let store = try JobStore(folder: folder.url)
        try store.recover()
        let again = try #require(try store.beginNext())
        #expect(again.id == ids[0] && again.attempts == 2)
        #expect(try await store.jobs(limit: 2).map(\.id) == Array(ids[1...]))
    }

    @Test("A second gateway is kept away from the folder, and files of others are not touched")
    func alone() throws {
        let folder = try TemporaryFolder()
        let store = try JobStore(folder: folder.url)
        #expect(throws: JobError.self) { try JobStore(folder: folder.url) }
        withExtendedLifetime(store) {}
        let other = try TemporaryFolder()
        try other.write("jobs.sqlite", "some text, and no database at all, long enough to be one".utf8)
        #expect(throws: JobError.self) { try JobStore(folder: other.url) }
        #expect(try Data(contentsOf: other.url.appending(path: "jobs.sqlite")).first == UInt8(ascii: "s"))
    }

    @Test("The oldest jobs that are over are forgotten, never one that is not")
    func history() async throws {
        let folder = try TemporaryFolder()
        let store = try JobStore(folder: folder.url, history: 2)
        let waiting = try await store.add(Job(path: "/a.mp4"), limit: 10)
        _ = try await store.cancelQueued(waiting.id)
        var over: [String] = [waiting.id]
        for number in 0..<3 {
            let added = try await store.add(Job(path: "/\(number).mp4"), limit: 10)
            _ = try store.beginNext()
            var job = try #require(try await store.job(added.id))
            job.finish(.failed, error: "no")
            try store.save(job)
            over.append(added.id)
        }
        let queued = try await store.add(Job(path: "/z.mp4"), limit: 10)
        #expect(try await store.jobs(limit: 10).map(\.id) == Array(over.suffix(2)) + [queued.id])
        #expect(try await store.job(over[0]) == nil)
        #expect(try await store.job(over[3])?.error == "no")
    }

    @Test("A full queue says so")
    func full() async throws {
        let folder = try TemporaryFolder()
        let store = try JobStore(folder: folder.url)
        _ = try await store.add(Job(path: "/a.mp4"), limit: 1)
        await #expect(throws: JobError.self) { try await store.add(Job(path: "/b.mp4"), limit: 1) }
    }

    @Test(
        "Streams are named after the video and never twice the same",
        arguments: [
            ("ride.mp4", "ride-"), ("/a/b/my ride.2.mov", "my ride.2-"), ("*?.mp4", "__-"), ("..", "video-"),
            ("a\u{7}b.mp4", "ab-"), (String(repeating: "ü", count: 300), "üüü"),
        ])
    func names(source: String, prefix: String) throws {
        let (one, other) = (Job(path: "/x", source: source), Job(path: "/x", source: source))
        #expect(one.stream.description.hasPrefix(prefix), "\(one.stream)")
        #expect(one.stream != other.stream)
        #expect(!one.source.contains("/"))
    }
}
