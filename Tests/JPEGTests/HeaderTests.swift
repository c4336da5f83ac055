import JPEG
import Testing

@Suite("JPEG header check")
struct HeaderTests {
    @Test("A good file tells its size, kind and length", arguments: ["baseline", "progressive", "restart", "gray"])
    func goodFiles(name: String) throws {
        let bytes = try fixture("\(name).jpg")
        let header = try JPEGHeader.check(bytes)
        #expect(header.width == 48)
        #expect(header.height == 32)
        #expect(header.components == (name == "gray" ? 1 : 3))
        #expect(header.isProgressive == (name == "progressive"))
        #expect((header.scans > 1) == header.isProgressive)
        #expect(header.orientation == .up)
        #expect(header.byteCount == bytes.count)
    }

    @Test("Trailing padding and trailers are not part of the image")
    func trailer() throws {
        let bytes = try fixture("baseline.jpg")
        for trailer in [[0, 0, 0], [0xFF, 0xFF], Array(try fixture("gray.jpg"))] as [[UInt8]] {
            #expect(try JPEGHeader.check(bytes + trailer).byteCount == bytes.count)
        }
    }

    @Test("A thumbnail's end marker does not stand in for the image's")
    func thumbnail() throws {
        let thumbnail = try fixture("gray.jpg")
        let segment = [0xFF, 0xE2, UInt8((thumbnail.count + 2) >> 8), UInt8((thumbnail.count + 2) & 255)] + thumbnail
        let bytes = inserting(segment, into: try fixture("baseline.jpg"))
        #expect(try JPEGHeader.check(bytes).byteCount == bytes.count)
        #expect(reason { () throws(JPEGError) in try JPEGHeader.check(Array(bytes.dropLast(2))) } == .corrupt)
    }

    @Test("Cut off anywhere, a file is corrupt", arguments: ["baseline", "progressive", "restart"])
    func truncated(name: String) throws {
        let bytes = try fixture("\(name).jpg")
        for count in 0..<bytes.count {
            #expect(
                reason { () throws(JPEGError) in try JPEGHeader.check(Array(bytes[..<count])) } == .corrupt,
                "the first \(count) bytes")
        }
    }

    @Test("Nonsense is corrupt")
    func nonsense() throws {
        let samples: [[UInt8]] = [
            [], [0], Array("not a JPEG at all".utf8), [0xFF, 0xD8, 0xFF, 0xD9], [0xFF, 0xD8, 0xFF, 0xD8, 0xFF, 0xD9],
            [0xFF, 0xD8, 0xFF, 0xE0, 0, 1, 0xFF, 0xD9], [0xFF, 0xD8, 0xFF, 0xE0, 0, 2, 0x12, 0x34, 0xFF, 0xD9],
            [0xFF, 0xD8] + Array(repeating: 0xFF, count: 1000), Array(repeating: 0, count: 1000),
        ]
        for bytes in samples {
            #expect(reason { () throws(JPEGError) in try JPEGHeader.check(bytes) } == .corrupt, "\(bytes.prefix(12))")
        }
    }

    @Test("Kinds that are not decoded are unsupported, not corrupt")
    func unsupported() throws {
        for name in ["cmyk.jpg", "arithmetic.jpg"] {
            let bytes = try fixture(name)
            #expect(reason { () throws(JPEGError) in try JPEGHeader.check(bytes) } == .unsupported, "\(name)")
        }
        let baseline = try fixture("baseline.jpg")
        let frame = try #require(offset(of: 0xC0, in: baseline))
        for marker in [0xC3, 0xC5, 0xC9, 0xCB] as [UInt8] {  // lossless, hierarchical, arithmetic, both
            var bytes = baseline
            bytes[frame + 1] = marker
            #expect(reason { () throws(JPEGError) in try JPEGHeader.check(bytes) } == .unsupported, "\(marker)")
        }
        var twelveBits = baseline
        twelveBits[frame + 4] = 12
        #expect(reason { () throws(JPEGError) in try JPEGHeader.check(twelveBits) } == .unsupported)
    }

    @Test("65500×65500 in 400 bytes is too large before anything is allocated")
    func declaredSize() throws {
        var bytes = try fixture("gray.jpg")
        let frame = try #require(offset(of: 0xC0, in: bytes))
        bytes.replaceSubrange((frame + 5)..<(frame + 9), with: [0xFF, 0xDC, 0xFF, 0xDC])
        #expect(reason { () throws(JPEGError) in try JPEGHeader.check(bytes) } == .tooLarge)
        #expect(reason { () throws(JPEGError) in try DecodedImage.decode(bytes) } == .tooLarge)
        bytes.replaceSubrange((frame + 5)..<(frame + 9), with: [0, 0, 0, 8])
        #expect(reason { () throws(JPEGError) in try JPEGHeader.check(bytes) } == .corrupt, "height 0")
    }

    @Test("Limits on bytes, pixels and scans")
    func limits() throws {
        let bytes = try fixture("progressive.jpg")
        let header = try JPEGHeader.check(bytes)
        let exact = JPEGLimits(bytes: bytes.count, pixels: 48 * 32, scans: header.scans)
        #expect(try JPEGHeader.check(bytes, limits: exact) == header)
        for path in [\JPEGLimits.bytes, \.pixels, \.scans] {
            var limits = exact
            limits[keyPath: path] -= 1
            #expect(reason { () throws(JPEGError) in try JPEGHeader.check(bytes, limits: limits) } == .tooLarge)
        }
    }

    @Test("A thousand scans are too many")
    func thousandScans() throws {
        let bytes = try fixture("progressive.jpg")
        let end = bytes.count - 2
        var last = try #require(offset(of: 0xDA, in: bytes))
        while let next = offset(of: 0xDA, in: bytes, from: last + 2) { last = next }
        let scan = bytes[last..<end]
        let many = Array(bytes[..<end]) + Array(repeatElement(scan, count: 1000).joined()) + [0xFF, 0xD9]
        #expect(reason { () throws(JPEGError) in try JPEGHeader.check(many) } == .tooLarge)
        #expect(reason { () throws(JPEGError) in try DecodedImage.decode(many) } == .tooLarge)
    }

    @Test("EXIF orientation in both byte orders", arguments: ImageOrientation.allCases, [true, false])
    func orientation(_ orientation: ImageOrientation, bigEndian: Bool) throws {
        let segment = exifSegment(orientation: orientation.rawValue, bigEndian: bigEndian)
        let header = try JPEGHeader.check(inserting(segment, into: try fixture("baseline.jpg")))
        #expect(header.orientation == orientation)
        #expect(header.width == (orientation.swapsSides ? 32 : 48))
        #expect(header.storedWidth == 48)
    }

    @Test("Damaged EXIF costs the orientation, not the image")
    func damagedEXIF() throws {
        let bytes = try fixture("baseline.jpg")
        let good = exifSegment(orientation: 6, bigEndian: true)
        for index in 4..<good.count {
            var segment = good
            segment[index] = 0xEE
            _ = try JPEGHeader.check(inserting(segment, into: bytes))
        }
        for orientation in [0, 9, 200] as [UInt8] {
            let segment = exifSegment(orientation: orientation, bigEndian: true)
            #expect(try JPEGHeader.check(inserting(segment, into: bytes)).orientation == .up)
        }
    }

    @Test("Random damage never traps, in the check or in the decoder")
    func fuzz() throws {
        var random = SystemRandomNumberGenerator()
        for name in ["baseline.jpg", "progressive.jpg", "restart.jpg", "gray.jpg", "turned.jpg"] {
            let good = try fixture(name)
            for _ in 0..<300 {
                var bytes = good
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
                }
                _ = reason { () throws(JPEGError) in try DecodedImage.decode(bytes) }
            }
        }
    }

    @Test("The end of coded data is where a search byte by byte finds it")
    func codedData() {
        /// ITU-T T.81, B.1.1.5.
        func end(in bytes: [UInt8], from: Int) -> Int? {
            var offset = from
            while let marker = bytes[offset...].firstIndex(of: 0xFF) {
                guard let next = bytes[marker...].firstIndex(where: { $0 != 0xFF }) else { return nil }
                guard bytes[next] == 0 || 0xD0...0xD7 ~= bytes[next] else { return marker }
                offset = next + 1
            }
            return nil
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            // Mostly coded data with stuffed zeros, restarts and fill bytes.
            var bytes: [UInt8] = []
            let count = Int.random(in: 1...700, using: &random)
            while bytes.count < count {
                bytes.append(.random(in: 0...254, using: &random))
                guard Int.random(in: 0..<20, using: &random) == 0 else { continue }
                bytes += Array(repeating: 0xFF, count: Int.random(in: 1...3, using: &random))
                bytes.append(Int.random(in: 0..<30, using: &random) == 0 ? 0xD9 : [0, 0, 0xD3].randomElement()!)
            }
            let from = Int.random(in: 0..<bytes.count, using: &random)
            #expect(bytes.withUnsafeBytes { codedDataEnd(in: $0, from: from) } == end(in: bytes, from: from))
        }
    }
}
