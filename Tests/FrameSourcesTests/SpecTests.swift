import Foundation
import FrameSources
import Testing

@Suite("Naming a source")
struct SpecTests {
    @Test("Addresses, devices and standard input")
    func kinds() throws {
        let rtsp = try FrameSourceSpec(parsing: "rtsp://user:secret@camera.local/stream")
        #expect(rtsp.kind == .network(address: "rtsp://user:secret@camera.local/stream"))
        #expect(rtsp.name == "rtsp://***@camera.local/stream")
        #expect(rtsp.isLive)
        #expect(try FrameSourceSpec(parsing: "http://camera.local/video?x=.mp4").isLive)
        #expect(try !FrameSourceSpec(parsing: "https://example.org/a/film.MP4?token=1").isLive)
        let input = try FrameSourceSpec(parsing: "-")
        #expect(input.kind == .standardInput)
        #expect(!input.isLive)
    }

    @Test("Files, folders and patterns")
    func files() throws {
        let folder = try TemporaryFolder()
        for name in ["b10.JPG", "b9.jpg", "b009.jpeg", "a.png", "notes.txt", ".hidden.jpg"] {
            try folder.write(name, [1])
        }
        try folder.write("film.mp4", [1])
        let sorted = ["a.png", "b009.jpeg", "b9.jpg", "b10.JPG"].map(folder.path)
        #expect(try FrameSourceSpec(parsing: folder.url.path).kind == .images(paths: sorted))
        let pattern = try FrameSourceSpec(parsing: folder.path("b*"))
        #expect(pattern.kind == .images(paths: Array(sorted.dropFirst())))
        #expect(try FrameSourceSpec(parsing: folder.path("film.mp4")).kind == .video(path: folder.path("film.mp4")))
        #expect(try FrameSourceSpec(parsing: sorted[0]).kind == .images(paths: [sorted[0]]))
    }

    @Test("What is no source says so")
    func errors() throws {
        let folder = try TemporaryFolder()
        try folder.write("notes.txt", [1])
        let cases = [
            "": "empty", "/no/such/film.mp4": "/no/such/film.mp4 does not exist", "ftp://host/film.mp4": "ftp://",
            folder.url.path: "holds no images", folder.path("*.jpg"): "no file matches",
            folder.path("*.txt"): "none of the 1 files",
        ]
        for (text, expected) in cases {
            let found = message { try FrameSourceSpec(parsing: text) }
            #expect(found?.contains(expected) == true, "\(text): \(found ?? "no error")")
        }
    }

    @Test("Options of test:")
    func testOptions() throws {
        #expect(try FrameSourceSpec(parsing: "test:").kind == .test(TestSourceOptions()))
        var options = TestSourceOptions()
        options.frames = 7
        options.width = 320
        options.height = 240
        options.frameRate = 12.5
        options.seed = 3
        options.persons = 2
        options.isRealTime = true
        options.quality = 80
        let text = "test:?frames=7&width=320&height=240&fps=12.5&seed=3&persons=2&realtime=yes&quality=80"
        let spec = try FrameSourceSpec(parsing: text)
        #expect(spec.kind == .test(options))
        #expect(spec.isLive)
        for (bad, expected) in [
            "test:?frames=x": "frames has to be", "test:?width=1": "from 64 to 4096", "test:?colour=red": "no option",
            "test:?frames": "key=value", "test:?fps=nan": "fps has to be", "test:?realtime=maybe": "yes or no",
        ] {
            let found = message { try FrameSourceSpec(parsing: bad) }
            #expect(found?.contains(expected) == true, "\(bad): \(found ?? "no error")")
        }
    }
}
