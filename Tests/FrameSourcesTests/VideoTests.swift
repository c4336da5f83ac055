import Foundation
import FrameSources
import JPEG
import Testing

@Suite("Videos through ffmpeg", .enabled(if: hasFFmpeg, "ffmpeg is not installed: apt-get install ffmpeg"))
struct VideoTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    func open(_ name: String) throws -> any FrameSource {
        try FrameSourceSpec(parsing: folder.path(name)).open()
    }

    @Test("Every frame comes once, in order, at its time")
    func frames() throws {
        try makeVideo(folder.path("film.mp4"))
        let source = try open("film.mp4")
        #expect(source.frameCount == 30)
        let (frames, error) = readAll(source)
        #expect(error == nil)
        #expect(frames.map(\.index) == Array(0..<30))
        let first = try #require(frames.first)
        for frame in frames {
            let header = try JPEGHeader.check(frame.jpeg)
            #expect(header.width == 64)
            #expect(header.height == 48)
            #expect(abs(frame.captureTimeNs - first.captureTimeNs - Int64(frame.index) * 1_000_000_000 / 15) < 2)
        }
        #expect(Set(frames.map(\.jpeg)).count == 30, "the picture moves")
        #expect(try source.next() == nil, "the end stays the end")
    }

    @Test("A variable frame rate neither doubles nor drops frames")
    func variableRate() throws {
        let options = ["-vf", "setpts='if(gt(N,10),PTS*4,PTS)'", "-fps_mode", "vfr", "-c:v", "mpeg4"]
        try makeVideo(folder.path("film.mkv"), options: options)
        #expect(readAll(try open("film.mkv")).frames.count == 30)
    }

    @Test("MJPEG keeps its own JPEGs, bit for bit")
    func copy() throws {
        let options = ["-c:v", "mjpeg", "-q:v", "9", "-pix_fmt", "yuvj420p"]
        try makeVideo(folder.path("film.avi"), frames: 5, options: options)
        try run(
            "ffmpeg",
            ["-v", "error", "-i", folder.path("film.avi"), "-c:v", "copy", "-f", "image2", folder.path("%d.jpg")])
        let expected = try (1...5).map { [UInt8](try Data(contentsOf: folder.url.appending(path: "\($0).jpg"))) }
        #expect(readAll(try open("film.avi")).frames.map(\.jpeg) == expected)
    }

    /// Videos of 61 × 37 pixels, or one more where a codec wants even numbers, that are grey at the left and white at the right, in different kinds of samples.
    static let kinds = [
        ["-pix_fmt", "yuv420p", "-c:v", "ffv1"], ["-pix_fmt", "yuvj420p", "-c:v", "ffvhuff"],
        ["-pix_fmt", "yuv420p", "-c:v", "ffv1", "-color_range", "tv"], ["-pix_fmt", "yuv444p10", "-c:v", "ffv1"],
        ["-pix_fmt", "gray", "-c:v", "ffv1"], ["-pix_fmt", "bgr0", "-c:v", "ffv1"],
        ["-pix_fmt", "yuvj422p", "-c:v", "ffvhuff"], ["-pix_fmt", "yuvj444p", "-c:v", "mjpeg", "-q:v", "2"],
    ]

    @Test("Whatever a video's samples are, its pictures are as bright as they were", arguments: kinds)
    func brightness(options: [String]) throws {
        let (width, height) = options.contains("ffvhuff") ? (62, 38) : (61, 37)
        let picture =
            "color=0x404040:size=64x40:rate=5,drawbox=x=30:color=white:t=fill,format=gbrp,crop=\(width):\(height):0:0"
        try run(
            "ffmpeg",
            ["-v", "error", "-f", "lavfi", "-i", picture, "-frames:v", "2"] + options + [folder.path("film.mkv")])
        let (frames, error) = readAll(try open("film.mkv"))
        #expect(error == nil)
        #expect(frames.count == 2)
        let image = try DecodedImage.decode(try #require(frames.last).jpeg)
        #expect(image.width == width)
        #expect(image.height == height)
        image.withUnsafeBytes { pixels in
            for channel in 0..<3 {
                let middle = 18 * image.bytesPerRow + channel
                #expect(abs(Int(pixels[middle + 3 * 10]) - 0x40) <= 3)
                #expect(abs(Int(pixels[middle + 3 * 50]) - 0xFF) <= 3)
            }
        }
    }

    @Test("Rotation written in the file is applied")
    func rotation() throws {
        try makeVideo(folder.path("flat.mp4"), frames: 3)
        try run(
            "ffmpeg",
            ["-v", "error", "-i", folder.path("flat.mp4"), "-c", "copy", "-metadata:s:v", "rotate=90"]
                + [folder.path("turned.mp4")])
        let (frames, _) = readAll(try open("turned.mp4"))
        #expect(frames.count == 3)
        let header = try JPEGHeader.check(try #require(frames.first).jpeg)
        #expect(header.width == 48)
        #expect(header.height == 64)
    }

    @Test("A file cut off gives its good frames, then an error")
    func truncated() throws {
        try makeVideo(folder.path("whole.mp4"), frames: 60, options: ["-c:v", "mpeg4", "-movflags", "+faststart"])
        let whole = [UInt8](try Data(contentsOf: folder.url.appending(path: "whole.mp4")))
        try folder.write("cut.mp4", Array(whole[..<(whole.count * 2 / 3)]))
        let (frames, error) = readAll(try open("cut.mp4"))
        #expect(10..<60 ~= frames.count)
        for frame in frames { _ = try JPEGHeader.check(frame.jpeg) }
        #expect(error?.description.contains("broke off after \(frames.count) of 60 frames") == true, "\(error as Any)")
    }

    @Test("Files without pictures say so when opened")
    func noVideo() throws {
        try folder.write("text.mp4", Array("this is not a video".utf8))
        #expect(message { try open("text.mp4") }?.contains("cannot be read as a video") == true)
        try folder.write("empty.mp4", [])
        #expect(message { try open("empty.mp4") }?.contains("cannot be read as a video") == true)
        try run("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "sine=duration=1", folder.path("sound.wav")])
        #expect(message { try open("sound.wav") }?.contains("has no video stream") == true)
    }

    @Test("A playlist cannot make ffmpeg open addresses")
    func protocols() throws {
        let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
        try folder.write("list.m3u8", Array(playlist.utf8))
        let found = message { try open("list.m3u8") }
        #expect(found?.contains("not on whitelist") == true, "\(found ?? "no error")")
    }

    @Test("Dropped half-way, the child is gone; stopped, the source ends")
    func endings() throws {
        try makeVideo(folder.path("long.avi"), frames: 600, options: ["-c:v", "mjpeg", "-q:v", "2"])
        let stop = SourceStop()
        let source = try FrameSourceSpec(parsing: folder.path("long.avi")).open(stop: stop)
        #expect(try source.next() != nil)
        stop.stop()
        let (frames, error) = readAll(source)
        #expect(frames.count < 600)
        #expect(error == nil)
    }
}

@Suite("Child processes")
struct ChildProcessTests {
    @Test("A missing program is named, with what to install")
    func missing() {
        let found = message { try ChildProcess("no-such-program-here", []) }
        #expect(found?.contains("no-such-program-here is not installed") == true)
        #expect(found?.contains("apt-get install ffmpeg") == true)
    }

    @Test("A child ends with its owner")
    func ends() throws {
        var child: ChildProcess? = try ChildProcess("sleep", ["1000"])
        let pid = try #require(child?.pid)
        #expect(kill(pid, 0) == 0)
        child = nil
        #expect(kill(pid, 0) == -1)
    }

    @Test("A silent child does not hold up a stop or a deadline")
    func stops() throws {
        let child = try ChildProcess("sleep", ["1000"])
        let stop = SourceStop()
        Thread.detachNewThread {
            usleep(50_000)
            stop.stop()
        }
        #expect(try child.read(stop: stop).isEmpty)
        #expect(message { try child.read(deadlineNs: 0, stop: nil) }?.contains("no answer in time") == true)
    }

    @Test("Much complaint does not block, and its end is kept")
    func errors() throws {
        let child = try ChildProcess("sh", ["-c", "seq 1 200000 >&2; echo last words >&2; echo done; exit 3"])
        var output: [UInt8] = []
        while case let chunk = try child.read(stop: nil), !chunk.isEmpty { output += chunk }
        #expect(output == Array("done\n".utf8))
        #expect(child.wait() == 3)
        #expect(child.errorSuffix.hasSuffix("last words"))
        #expect(child.errorText.utf8.count <= 4096)
    }
}
