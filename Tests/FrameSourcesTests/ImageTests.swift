import Dispatch
import Foundation
import FrameSources
import JPEG
import Testing

@Suite("Folders and standard input")
struct ImageTests {
    @Test("JPEG files are handed on bit for bit, damaged ones too")
    func folder() throws {
        let folder = try TemporaryFolder()
        let images = [try smallJPEG(10), [], Array("broken".utf8), try smallJPEG(200)]
        for (index, image) in images.enumerated() { try folder.write("frame\(index * 5).jpg", image) }
        let source = try FrameSourceSpec(parsing: folder.url.path).open()
        #expect(source.frameCount == 4)
        let (frames, error) = readAll(source)
        #expect(error == nil)
        #expect(frames.map(\.jpeg) == images)
        #expect(frames.map(\.index) == [0, 1, 2, 3])
    }

    @Test("A file over the limit is read no further than to show it")
    func large() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("large.jpg", Array(try smallJPEG(10)) + [UInt8](repeating: 0, count: 30 << 20))
        let frame = try #require(try FrameSourceSpec(parsing: path).open().next())
        #expect(frame.jpeg.count == JPEGLimits().bytes + 1)
        #expect(message { try JPEGHeader.check(frame.jpeg) }?.hasPrefix("too_large") == true)
    }

    @Test("Other formats are converted", .enabled(if: hasFFmpeg, "ffmpeg is not installed: apt-get install ffmpeg"))
    func png() throws {
        let folder = try TemporaryFolder()
        try makeVideo(folder.path("a.png"), frames: 1, options: ["-update", "1"])
        try folder.write("b.png", Array("not a PNG".utf8))
        let (frames, error) = readAll(try FrameSourceSpec(parsing: folder.url.path).open())
        #expect(try frames.map { try JPEGHeader.check($0.jpeg).width } == [64])
        #expect(error?.description.contains("b.png cannot be converted") == true)
    }

    /// Writes a stream into a pipe from another thread and reads it as standard input.
    func standardInput(
        _ stream: [UInt8], frameBytes: Int = 1 << 20
    ) -> (frames: [SourceFrame], error: FrameSourceError?) {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        let (reading, writing) = (ends[0], ends[1])
        let written = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            for start in stride(from: 0, to: stream.count, by: 100) {
                let piece = Array(stream[start..<min(start + 100, stream.count)])
                _ = piece.withUnsafeBytes { write(writing, $0.baseAddress, $0.count) }
            }
            close(writing)
            written.signal()
        }
        defer {
            written.wait()  // closing earlier would end the whole process with SIGPIPE
            close(reading)
        }
        return readAll(StandardInputSource(descriptor: reading, frameBytes: frameBytes, stop: SourceStop()))
    }

    @Test("MJPEG on standard input, with and without headers between")
    func mjpeg() throws {
        let images = try (0..<20).map { try smallJPEG(UInt8(10 * $0)) }
        #expect(standardInput(Array(images.joined())).frames.map(\.jpeg) == images)
        let headers = Array("\r\n--x\r\nContent-Length: 1\r\n\r\n".utf8)
        let result = standardInput(Array(images.map { headers + $0 }.joined()) + headers)
        #expect(result.frames.map(\.jpeg) == images)
        #expect(result.error == nil)
    }

    @Test("A last image cut short is handed on, so that it can be counted")
    func cut() throws {
        let image = try smallJPEG(10)
        let result = standardInput(image + image.dropLast(5))
        #expect(result.frames.map(\.jpeg) == [image, image.dropLast(5)])
    }

    @Test("No JPEG at all, or one without an end, is an error")
    func nonsense() throws {
        #expect(standardInput(Array("hello".utf8)).error?.description.contains("held no JPEG in 5 bytes") == true)
        #expect(standardInput([]).error?.description.contains("held no JPEG in 0 bytes") == true)
        let endless = try smallJPEG(10).dropLast(2) + [UInt8](repeating: 1, count: 10_000)
        let result = standardInput(Array(endless), frameBytes: 2000)
        #expect(result.error?.description.contains("longer than 2000 bytes") == true)
    }

    @Test("A silent standard input can be stopped")
    func stop() throws {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        defer { ends.forEach { close($0) } }
        let stop = SourceStop()
        Thread.detachNewThread {
            usleep(50_000)
            stop.stop()
        }
        #expect(try StandardInputSource(descriptor: ends[0], stop: stop).next() == nil)
    }
}
