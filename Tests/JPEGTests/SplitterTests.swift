import JPEG
import Testing

@Suite("MJPEG splitting")
struct SplitterTests {
    /// Feeds a stream in pieces and collects the images.
    func split(_ stream: [UInt8], pieces: Int) throws -> (images: [[UInt8]], skipped: Int) {
        var splitter = JPEGSplitter()
        var images: [[UInt8]] = []
        for start in stride(from: 0, to: stream.count, by: pieces) {
            splitter.append(stream[start..<min(start + pieces, stream.count)])
            while let image = try splitter.next() { images.append(image) }
        }
        if let last = splitter.finish() { images.append(last) }
        return (images, splitter.skippedBytes)
    }

    /// Images whose segments hold a JPEG of their own, start and end markers included.
    func images() throws -> [[UInt8]] {
        let thumbnail = try fixture("gray.jpg")
        let length = thumbnail.count + 2
        let segment = [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 255)] + thumbnail
        return try ["baseline", "progressive", "restart", "turned"].map {
            inserting(segment, into: try fixture("\($0).jpg"))
        }
    }

    @Test("Images come out whole however the bytes arrive", arguments: [1, 2, 7, 1000, 1 << 20])
    func pieces(pieces: Int) throws {
        let images = try images()
        let result = try split(Array(images.joined()), pieces: pieces)
        #expect(result.images == images)
        #expect(result.skipped == 0)
    }

    @Test("What lies between images is skipped and counted", arguments: [1, 5, 4096])
    func multipart(pieces: Int) throws {
        let images = try images()
        let between = [0xFF, 0xD8] + Array("\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n".utf8)
        let result = try split(Array(images.map { between + $0 }.joined()), pieces: pieces)
        #expect(result.images == images)
        #expect(result.skipped == images.count * between.count)
    }

    @Test("Damaged images are handed out, their neighbours untouched", arguments: [1, 64, 4096])
    func damaged(pieces: Int) throws {
        let good = try fixture("baseline.jpg")
        let cut = Array(good.dropLast(2))
        var nonsense = good
        nonsense[2...5] = [0xFF, 0xE0, 0, 0]
        let images = [good, cut, good, nonsense, good, Array(good.dropLast(40))]
        let result = try split(Array(images.joined()), pieces: pieces)
        #expect(result.images == images)
    }

    @Test("No image at all", arguments: [1, 4096])
    func text(pieces: Int) throws {
        let result = try split(Array("this is not a video".utf8), pieces: pieces)
        #expect(result.images.isEmpty)
        #expect(result.skipped == 19)
    }

    @Test("An image without an end does not grow the buffer without bound")
    func bounded() throws {
        let good = try fixture("baseline.jpg")
        let scan = try #require(offset(of: 0xDA, in: good))
        for tail in [[0], [0xFF], [0x12, 0xFF, 0x00]] as [[UInt8]] {
            var splitter = JPEGSplitter(frameBytes: 10_000)
            splitter.append(good[..<(scan + 60)])
            var appended = 0
            #expect(throws: JPEGError.self) {
                while appended < 100_000 {
                    splitter.append(Array(repeatElement(tail, count: 100).joined()))
                    appended += 100 * tail.count
                    _ = try splitter.next()
                }
            }
            #expect(appended < 11_000)
        }
    }
}
