import Foundation
import Jobs
import Testing

@Suite("Only videos in the configured folders can be named")
struct VideoRootsTests {
    let folder: TemporaryFolder
    let roots: VideoRoots

    init() throws {
        folder = try TemporaryFolder()
        for name in ["videos", "videos/sub", "videos-elsewhere", "secret"] {
            try FileManager.default.createDirectory(
                at: folder.url.appending(path: name), withIntermediateDirectories: true)
        }
        try folder.write("videos/ride.mp4", [1])
        try folder.write("videos/empty.mp4", [])
        try folder.write("videos/-i", [1])
        try folder.write("videos-elsewhere/ride.mp4", [1])
        try folder.write("secret/plans.mp4", [1])
        for (link, target) in [
            ("videos/out.mp4", "../secret/plans.mp4"), ("videos/in.mp4", "ride.mp4"), ("videos/folder", "../secret"),
            ("videos/loop.mp4", "loop.mp4"), ("videos/null", "/dev/null"),
        ] { try FileManager.default.createSymbolicLink(atPath: folder.path(link), withDestinationPath: target) }
        mkfifo(folder.path("videos/pipe.mp4"), 0o600)
        roots = try VideoRoots([folder.path("videos")])
    }

    private func refusal(_ path: String) -> VideoRoots.Refusal? {
        do throws(VideoRoots.Refusal) {
            _ = try roots.file(path)
            return nil
        } catch {
            return error
        }
    }

    @Test("Files inside, by absolute and relative paths, also through links that stay inside")
    func inside() throws {
        let ride = folder.path("videos/ride.mp4")
        for path in [ride, "ride.mp4", "sub/../ride.mp4", folder.path("videos/./ride.mp4"), "in.mp4"] {
            #expect(try roots.file(path).hasSuffix("/videos/ride.mp4"), "\(path)")
        }
        #expect(try roots.file("-i").hasSuffix("/videos/-i"))
    }

    @Test(
        "What leaves the folders is not found, whether it exists or not",
        arguments: [
            "../secret/plans.mp4", "/etc/passwd", "out.mp4", "folder/plans.mp4", "loop.mp4", "/dev/zero", "null",
            "http://127.0.0.1/x.mp4", "file:///etc/passwd", "concat:ride.mp4|ride.mp4", "pipe:0", "-", "",
            "ride.mp4\0.txt",
            "../videos-elsewhere/ride.mp4", "nothing.mp4", String(repeating: "a", count: 5000),
            String(repeating: "../", count: 100) + "etc/passwd",
        ])
    func outside(path: String) {
        #expect(refusal(path) == .notFound)
    }

    @Test("Folders, pipes and empty files are no videos")
    func kinds() {
        #expect(refusal("sub") == .noFile)
        #expect(refusal("pipe.mp4") == .noFile)
        #expect(refusal("empty.mp4") == .empty)
        #expect(refusal(folder.path("videos")) == .notFound)
    }

    @Test("Without folders nothing can be named; a folder that is none is refused at the start")
    func none() throws {
        let none = try VideoRoots([])
        #expect(throws: VideoRoots.Refusal.noRoots) { try none.file(folder.path("videos/ride.mp4")) }
        #expect(throws: JobError.self) { try VideoRoots([folder.path("videos/ride.mp4")]) }
    }
}
