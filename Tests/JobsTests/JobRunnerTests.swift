import Foundation
import Jobs
import Messages
import Testing
import ZeroMQ

@Suite(
    "Jobs are worked off one at a time, and none is completed before all its frames have an outcome",
    .enabled(if: hasFFmpeg, "ffmpeg is not installed: apt-get install ffmpeg"), .timeLimit(.minutes(10)))
struct JobRunnerTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A moving test picture.
    private func video(_ name: String, frames: Int) throws -> String {
        let path = folder.path(name)
        try run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=15", "-frames:v", "\(frames)", "-c:v",
                "mpeg4",
            ]
                + ["-y", path])
        return path
    }

    private func runner(
        _ bus: Bus, _ store: JobStore, _ adjust: (inout JobRunner.Configuration) -> Void = { _ in }
    ) throws -> JobRunner {
        let at = bus.endpoints
        var configuration = JobRunner.Configuration(ingest: at.ingest, results: at.results, replay: at.replay)
        adjust(&configuration)
        return try JobRunner(
            configuration, store: store, uploads: try UploadFolder(in: folder.url, limit: 1 << 30, reserve: 0),
            in: try Context(), logger: .quiet)
    }

    @Test("Two videos in order, each a whole session of its own")
    func twoVideos() async throws {
        let bus = try await Bus(in: folder)
        let runner = try runner(bus, JobStore(folder: folder.url))
        let first = try await runner.submit(Job(path: video("a.mp4", frames: 40)))
        let second = try await runner.submit(Job(path: video("b.mp4", frames: 7)))
        #expect((first.queuePosition, second.queuePosition) == (0, 1))
        let service = Service("jobs") { try runner.run(until: $0) }
        let done = [
            try #require(try await runner.waitUntilOver(first.id)),
            try #require(try await runner.waitUntilOver(second.id)),
        ]
        #expect(done.map(\.status) == [.completed, .completed], "\(done)")
        #expect(done.map(\.frames) == [40, 7])
        #expect(done.map(\.total) == [40, 7])
        #expect(done[0].session != nil && done[0].session != done[1].session)
        #expect(try #require(done[0].completedAt) <= #require(done[1].startedAt))
        try service.end()
        try bus.end()
    }

    @Test("A file that is no video fails with its reason, without its path, and the next goes on")
    func noVideo() async throws {
        let bus = try await Bus(in: folder)
        let runner = try runner(bus, JobStore(folder: folder.url))
        let playlist = try folder.write("list.mp4", "#EXTM3U\n#EXTINF:1,\n\(folder.path("a.mp4"))\n".utf8)
        let concat = try folder.write("concat.mp4", "ffconcat version 1.0\nfile a.mp4\n".utf8)
        let good = try video("a.mp4", frames: 3)
        var jobs: [Job] = []
        for path in [playlist, concat, folder.path("nothing.mp4"), good] {
            jobs.append(try await runner.submit(Job(path: path)))
        }
        let service = Service("jobs") { try runner.run(until: $0) }
        var ends: [Job] = []
        for job in jobs { ends.append(try #require(try await runner.waitUntilOver(job.id))) }
        #expect(ends.map(\.status) == [.failed, .failed, .failed, .completed])
        for end in ends.prefix(3) {
            let error = try #require(end.error)
            #expect(error.contains(end.source) && !error.contains(folder.url.path), "\(error)")
        }
        try service.end()
        try bus.end()
    }

    @Test("A runner that stops in the middle leaves the job to the next, which begins it again as another stream")
    func restart() async throws {
        let bus = try await Bus(in: folder)
        try bus.stop("infer")  // nothing has an outcome now, so the job cannot end
        let path = try video("long.mp4", frames: 30)
        let id: String
        do {
            let first = try runner(bus, JobStore(folder: folder.url))
            id = try await first.submit(Job(path: path)).id
            let service = Service("jobs") { try first.run(until: $0) }
            try await until("the job's begin") { try await first.job(id)?.status == .processing }
            try service.end()
            #expect(try await first.job(id)?.status == .processing)
        }
        try await bus.startInfer()
        // The first one's thread lets go of the folder in its own time.
        var opened: JobStore?
        try await until("the folder is free") {
            opened = try? JobStore(folder: folder.url)
            return opened != nil
        }
        let second = try runner(bus, #require(opened))
        let service = Service("jobs") { try second.run(until: $0) }
        let end = try #require(try await second.waitUntilOver(id))
        #expect(end.status == .completed && end.frames == 30 && end.attempts == 2, "\(end)")
        #expect(end.stream.description.hasSuffix(".2"))
        try service.end()
        try bus.end()
    }

    @Test("An ingest that loses frames costs another attempt, never a result with holes")
    func ingestIsLost() async throws {
        let bus = try await Bus(in: folder)
        try bus.stop("infer")
        let runner = try runner(bus, JobStore(folder: folder.url))
        let id = try await runner.submit(Job(path: video("long.mp4", frames: 30))).id
        let service = Service("jobs") { try runner.run(until: $0) }
        try await until("the job's begin") { try await runner.job(id)?.total != nil }
        try bus.stop("ingest")  // with all it held: its drain takes no time
        try await bus.startInfer()
        try await bus.startIngest()
        let end = try #require(try await runner.waitUntilOver(id))
        #expect(end.status == .completed && end.frames == 30, "\(end)")
        try service.end()
        try bus.end()
    }

    @Test("Cancelling a job that waits or runs ends it, and an upload's file goes with it")
    func cancel() async throws {
        let bus = try await Bus(in: folder)
        try bus.stop("infer")
        let runner = try runner(bus, JobStore(folder: folder.url))
        let upload = runner.uploads.newPath()
        try FileManager.default.copyItem(atPath: video("a.mp4", frames: 30), toPath: upload)
        let running = try await runner.submit(Job(path: upload, source: "a.mp4", isUpload: true))
        let waiting = try await runner.submit(Job(path: folder.path("a.mp4")))
        let service = Service("jobs") { try runner.run(until: $0) }
        try await until("the job's begin") { try await runner.job(running.id)?.status == .processing }
        #expect(try await runner.cancel(waiting.id)?.status == .cancelled)
        #expect(try await runner.cancel(running.id)?.status == .cancelled)
        #expect(try await runner.cancel("nothing") == nil)
        try await until("the upload's end") { !FileManager.default.fileExists(atPath: upload) }
        try service.end()
        try bus.end()
    }

    @Test("A job that takes longer than it may fails, in the old service's words")
    func timeout() async throws {
        let bus = try await Bus(in: folder)
        try bus.stop("infer")
        let runner = try runner(bus, JobStore(folder: folder.url)) { $0.timeout = .milliseconds(700) }
        let id = try await runner.submit(Job(path: video("a.mp4", frames: 30))).id
        let service = Service("jobs") { try runner.run(until: $0) }
        let end = try #require(try await runner.waitUntilOver(id))
        #expect(end.status == .failed && end.error == "Processing timeout (exceeded 700ms)")
        try service.end()
        try bus.end()
    }

    @Test("Uploads that belong to no job are deleted at the start, others are kept")
    func leftovers() async throws {
        let bus = try await Bus(in: folder)
        try bus.stop("infer")
        let uploads = try UploadFolder(in: folder.url, limit: 1 << 30, reserve: 0)
        let (mine, nobodys) = (uploads.newPath(), uploads.newPath())
        try FileManager.default.copyItem(atPath: video("a.mp4", frames: 3), toPath: mine)
        try FileManager.default.copyItem(atPath: mine, toPath: nobodys)
        let store = try JobStore(folder: folder.url)
        _ = try await store.add(Job(path: mine, isUpload: true), limit: 10)
        let runner = try runner(bus, store)
        #expect(!FileManager.default.fileExists(atPath: nobodys))
        #expect(FileManager.default.fileExists(atPath: mine))
        withExtendedLifetime(runner) {}
        try bus.end()
    }
}
