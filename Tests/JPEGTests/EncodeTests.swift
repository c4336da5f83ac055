import JPEG
import Testing

@Suite("JPEG encoding and raw pixels")
struct EncodeTests {
    static let width = 61
    static let height = 37
    /// A smooth picture whose channels differ: compression keeps it, a swap shows.
    static let rgb: [UInt8] = {
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                pixels += [UInt8(4 * x), UInt8(6 * y), UInt8(40 + x + y)]
            }
        }
        return pixels
    }()
    static let bgr: [UInt8] = stride(from: 0, to: rgb.count, by: 3).flatMap { [rgb[$0 + 2], rgb[$0 + 1], rgb[$0]] }

    func worst(_ left: [UInt8], _ right: [UInt8]) -> Int {
        zip(left, right).map { abs(Int($0) - Int($1)) }.max() ?? 255
    }

    @Test("What is encoded comes back", arguments: [true, false])
    func roundTrip(subsamples: Bool) throws {
        let encoder = JPEGEncoder(quality: 95, subsamplesColour: subsamples)
        let jpeg = try Self.rgb.withUnsafeBytes { try encoder.encode($0, width: Self.width, height: Self.height) }
        let image = try DecodedImage.decode(jpeg)
        #expect(image.width == Self.width)
        #expect(image.height == Self.height)
        #expect(worst(image.pixels, Self.rgb) <= 12)
        #expect(try JPEGHeader.check(jpeg).byteCount == jpeg.count)
        #expect(try worst(DecodedImage.decode(encoder.encode(image)).pixels, Self.rgb) <= 14)
    }

    @Test("A lower quality is a smaller file")
    func quality() throws {
        let sizes = try [10, 50, 95].map { quality in
            try Self.rgb.withUnsafeBytes {
                try JPEGEncoder(quality: quality).encode($0, width: Self.width, height: Self.height).count
            }
        }
        #expect(sizes == sizes.sorted())
        #expect(Set(sizes).count == 3)
    }

    @Test("B, G, R pixels, encoded and converted")
    func bgr() throws {
        let jpeg = try Self.bgr.withUnsafeBytes {
            try JPEGEncoder(quality: 95).encode($0, width: Self.width, height: Self.height, channels: .bgr)
        }
        #expect(worst(try DecodedImage.decode(jpeg).pixels, Self.rgb) <= 12)
        let image = try Self.bgr.withUnsafeBytes {
            try DecodedImage(bgr: $0, width: Self.width, height: Self.height)
        }
        #expect(image.pixels == Self.rgb)
        let copy = try Self.rgb.withUnsafeBytes { try DecodedImage(rgb: $0, width: Self.width, height: Self.height) }
        #expect(copy.pixels == Self.rgb)
    }

    /// Planes of one colour.
    func planes(_ y: UInt8, _ blue: UInt8, _ red: UInt8, width: Int, height: Int) -> [UInt8] {
        let chroma = ((width + 1) / 2) * ((height + 1) / 2)
        return [UInt8](repeating: y, count: width * height) + [UInt8](repeating: blue, count: chroma)
            + [UInt8](repeating: red, count: chroma)
    }

    func encode(_ planes: [UInt8], _ width: Int, _ height: Int, isFullRange: Bool) throws(JPEGError) -> [UInt8] {
        try planes.withUnsafeBytes { bytes in
            Result { () throws(JPEGError) in
                try PlanesEncoder().encode(bytes, width: width, height: height, isFullRange: isFullRange)
            }
        }.get()
    }

    @Test(
        "Planes of both ranges become the colours they stand for",
        arguments: [
            // BT.601's black, white, grey and red, in either range.
            (false, [16, 128, 128], [0, 0, 0]), (false, [235, 128, 128], [255, 255, 255]),
            (false, [126, 128, 128], [128, 128, 128]), (false, [81, 90, 240], [254, 0, 0]),
            (false, [0, 128, 128], [0, 0, 0]), (false, [255, 128, 128], [255, 255, 255]),
            (true, [0, 128, 128], [0, 0, 0]), (true, [255, 128, 128], [255, 255, 255]),
            (true, [76, 85, 255], [254, 0, 0]),
        ] as [(Bool, [UInt8], [UInt8])])
    func planesOfBothRanges(isFullRange: Bool, samples: [UInt8], colour: [UInt8]) throws {
        for (width, height) in [(16, 16), (61, 37), (1, 1), (2, 35)] {
            let planes = planes(samples[0], samples[1], samples[2], width: width, height: height)
            let image = try DecodedImage.decode(try encode(planes, width, height, isFullRange: isFullRange))
            #expect(image.width == width)
            #expect(image.height == height)
            for pixel in stride(from: 0, to: image.pixels.count, by: 3) {
                #expect(worst(Array(image.pixels[pixel..<(pixel + 3)]), colour) <= 2)
            }
        }
    }

    @Test("Planes keep their places, up to an edge that no block ends at")
    func planesInPlace() throws {
        let (width, height) = (Self.width, Self.height)
        var planes = planes(0, 128, 128, width: width, height: height)
        for y in 0..<height {
            for x in 0..<width { planes[y * width + x] = UInt8(2 * x + 3 * y) }
        }
        let image = try DecodedImage.decode(try encode(planes, width, height, isFullRange: true))
        #expect(worst(image.pixels, planes[..<(width * height)].flatMap { [$0, $0, $0] }) <= 6)
    }

    @Test("Planes that do not fit their shape are refused")
    func shapesOfPlanes() {
        let planes = planes(0, 0, 0, width: 4, height: 4)
        for (width, height) in [(4, 5), (0, 4), (4, -4), (5, 4)] {
            #expect(
                reason { () throws(JPEGError) in try encode(planes, width, height, isFullRange: true) } == .corrupt)
        }
        #expect(reason { () throws(JPEGError) in try encode(planes, .max, 2, isFullRange: true) } == .tooLarge)
    }

    @Test("Noise larger than the first guess of the output fits")
    func growth() throws {
        let side = 256
        let noise = (0..<(3 * side * side)).map { _ in UInt8.random(in: 0...255) }
        let encoder = JPEGEncoder(quality: 100, subsamplesColour: false)
        let jpeg = try noise.withUnsafeBytes { try encoder.encode($0, width: side, height: side) }
        #expect(jpeg.count > 4096 + side * side / 3)
        #expect(try worst(DecodedImage.decode(jpeg).pixels, noise) <= 8)
    }

    @Test("Shapes that do not fit the bytes are refused")
    func shapes() throws {
        let shapes = [(61, 36), (0, 0), (-61, -37), (Int.max, 2), (1, 1)]
        for (width, height) in shapes {
            let expected: JPEGError.Reason = width == .max ? .tooLarge : .corrupt
            let encoding = Self.rgb.withUnsafeBytes { bytes in
                reason { () throws(JPEGError) in try JPEGEncoder().encode(bytes, width: width, height: height) }
            }
            let converting = Self.bgr.withUnsafeBytes { bytes in
                reason { () throws(JPEGError) in try DecodedImage(bgr: bytes, width: width, height: height) }
            }
            #expect(encoding == expected)
            #expect(converting == expected)
        }
    }
}
