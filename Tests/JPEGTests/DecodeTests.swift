import JPEG
import Testing

@Suite("JPEG decoding")
struct DecodeTests {
    @Test("Pixels are those of Pillow", arguments: ["baseline", "progressive", "restart", "gray", "turned"])
    func pixels(name: String) throws {
        let image = try DecodedImage.decode(try fixture("\(name).jpg"))
        let expected = try fixture("\(name).rgb")
        #expect(image.width == (name == "turned" ? 32 : 48))
        #expect(image.height == (name == "turned" ? 48 : 32))
        #expect(image.bytesPerRow == 3 * image.width)
        let worst = zip(image.pixels, expected).map { abs(Int($0) - Int($1)) }.max()
        #expect(image.pixels.count == expected.count)
        // Pillow may bring another build of libjpeg-turbo: its inverse transforms agree to a step.
        #expect(try #require(worst) <= 2)
    }

    @Test("All eight orientations", arguments: ImageOrientation.allCases)
    func orientations(_ orientation: ImageOrientation) throws {
        let stored = try fixture("baseline.jpg")
        let flat = try DecodedImage.decode(stored).pixels
        let segment = exifSegment(orientation: orientation.rawValue, bigEndian: false)
        let image = try DecodedImage.decode(inserting(segment, into: stored))
        let (width, height) = (48, 32)
        #expect(image.width == (orientation.swapsSides ? height : width))
        let pixels = image.pixels
        for y in 0..<image.height {
            for x in 0..<image.width {
                // EXIF 2.3 table: which side of the upright image the stored row 0 and column 0 are.
                let (row, column) =
                    switch orientation {
                    case .up: (y, x)
                    case .mirrored: (y, width - 1 - x)
                    case .upsideDown: (height - 1 - y, width - 1 - x)
                    case .mirroredUpsideDown: (height - 1 - y, x)
                    case .transposed: (x, y)
                    case .turnClockwise: (height - 1 - x, y)
                    case .transverse: (height - 1 - x, width - 1 - y)
                    case .turnCounterclockwise: (x, width - 1 - y)
                    }
                let from = 3 * (row * width + column)
                let to = 3 * (y * image.width + x)
                guard pixels[to..<(to + 3)] == flat[from..<(from + 3)] else {
                    Issue.record("pixel \(x), \(y) differs")
                    return
                }
            }
        }
    }

    @Test("Scaled sizes round up and show the same picture", arguments: DecodeScale.allCases)
    func scales(_ scale: DecodeScale) throws {
        let segment = exifSegment(orientation: 6, bigEndian: true)
        let image = try DecodedImage.decode(inserting(segment, into: try fixture("baseline.jpg")), scale: scale)
        #expect(image.width == 32 / Int(scale.rawValue))
        #expect(image.height == 48 / Int(scale.rawValue))
        let pixels = image.pixels
        #expect(pixels[3 * (image.width - 1)] > 200, "the bright corner turned to the top right")
        #expect(pixels[0] < 60, "the dark lower left corner turned to the top left")
        #expect(DecodeScale.eighth.applied(to: 49) == 7)
    }

    @Test("Damaged coded data is an error, though libjpeg only warns")
    func damaged() throws {
        let bytes = try fixture("baseline.jpg")
        let scan = try #require(offset(of: 0xDA, in: bytes))
        var missing = bytes
        missing.removeSubrange((scan + 60)..<(bytes.count - 2))  // the markers stay whole
        #expect(reason { () throws(JPEGError) in try JPEGHeader.check(missing) } == nil)
        #expect(reason { () throws(JPEGError) in try DecodedImage.decode(missing) } == .corrupt)
        let restart = try fixture("restart.jpg")
        let first = try #require(offset(of: 0xD0, in: restart))
        var wrongOrder = restart
        wrongOrder[first + 1] = 0xD5
        #expect(reason { () throws(JPEGError) in try DecodedImage.decode(wrongOrder) } == .corrupt)
    }

    @Test("A little padding before the end marker is harmless")
    func padding() throws {
        var bytes = try fixture("baseline.jpg")
        let expected = try DecodedImage.decode(bytes).pixels
        bytes.insert(contentsOf: [0, 0, 0], at: bytes.count - 2)
        #expect(try DecodedImage.decode(bytes).pixels == expected)
    }

    @Test("Buffers go back to the pool, after failures too")
    func pool() throws {
        let pool = ImageBufferPool(capacity: 1)
        let good = try fixture("baseline.jpg")
        var bad = good
        bad.removeSubrange((bad.count - 200)..<(bad.count - 2))
        var image: DecodedImage? = try DecodedImage.decode(good, pool: pool)
        #expect(pool.idleCount == 0)
        let second = try DecodedImage.decode(good, pool: pool)
        #expect(image?.pixels == second.pixels)
        image = nil
        #expect(pool.idleCount == 1)
        #expect(reason { () throws(JPEGError) in try DecodedImage.decode(bad, pool: pool) } == .corrupt)
        #expect(pool.idleCount == 1)
        _ = try DecodedImage.decode(try fixture("gray.jpg"), scale: .eighth, pool: pool)
        #expect(pool.idleCount == 1, "a buffer far too large is not used, and one beyond the capacity is freed")
        withExtendedLifetime(second) {}
    }
}
