internal import BlazePose
internal import Testing

@Suite struct ImageTests {
    @Test func cropsAreOpenCVs() throws {
        let golden = try Golden.load().crops
        let image = try RGBImage(width: 64, height: 48, pixels: golden.image)
        for crop in golden.crops {
            let region = PoseRegion(
                centerX: crop.region[0], centerY: crop.region[1], size: crop.region[2], rotation: crop.region[3])
            let pixels = try sample(image, region, side: 16, border: crop.border == "zero" ? .zero : .replicate)
            // OpenCV moves in steps of 1/32 pixel and rounds to bytes. At the black border a step is worth up to
            // 1/32 of full brightness.
            let differences = zip(pixels, crop.pixels).map { abs($0 - $1) }
            #expect((differences.max() ?? 255) < 5, "\(region)")
            #expect(differences.reduce(0, +) / Float(differences.count) < 0.5, "\(region)")
        }
    }

    @Test func rowPaddingIsSkippedAndTheRangeIsMapped() throws {
        // 2 × 2 pixels in rows of 8 bytes: the two bytes of padding hold what must never be seen.
        let bytes: [UInt8] = [0, 10, 20, 100, 110, 120, 255, 255, 40, 50, 60, 200, 210, 220]
        final class Owner {
            let memory: UnsafeMutableRawBufferPointer
            init(_ bytes: [UInt8]) {
                memory = .allocate(byteCount: bytes.count, alignment: 1)
                memory.copyBytes(from: bytes)
            }
            deinit { memory.deallocate() }
        }
        let owner = Owner(bytes)
        let image = try RGBImage(
            width: 2, height: 2, bytesPerRow: 8, pixels: UnsafeRawBufferPointer(owner.memory), owner: owner)
        let whole = PoseRegion(letterboxing: image)
        #expect(
            try sample(image, whole, side: 2, border: .replicate) == [
                0, 10, 20, 100, 110, 120, 40, 50, 60, 200, 210, 220,
            ])
        let mapped = try sample(image, whole, side: 2, border: .replicate, scale: 2 / 255, offset: -1)
        #expect(mapped[0] == -1 && isClose(mapped[11], 220 * 2 / 255 - 1, 1e-6))
    }

    @Test func outsideIsBlackOrTheEdge() throws {
        let image = try RGBImage(width: 8, height: 8, pixels: [UInt8](repeating: 200, count: 192))
        let away = PoseRegion(centerX: -500, centerY: 4, size: 8)
        #expect(try sample(image, away, side: 4, border: .zero).allSatisfy { $0 == 0 })
        #expect(try sample(image, away, side: 4, border: .replicate).allSatisfy { $0 == 200 })
        for broken in [Float.nan, .infinity, -.greatestFiniteMagnitude] {
            let region = PoseRegion(centerX: broken, centerY: 4, size: 8)
            #expect(try sample(image, region, side: 4, border: .replicate).allSatisfy { $0 == 200 })
        }
    }

    @Test func sizesThatDoNotFitAreRefused() {
        #expect(throws: BlazePoseError.self) {
            try RGBImage(width: 4, height: 4, pixels: [UInt8](repeating: 0, count: 47))
        }
        #expect(throws: BlazePoseError.self) { try RGBImage(width: 0, height: 4, pixels: []) }
    }

    /// A picture whose red rises to the right and whose green rises downwards, as means of so many pixels, along each side.
    private func slope(_ reduction: Int, reduced: (@Sendable (Float) throws -> RGBImage)? = nil) throws -> RGBImage {
        let (width, height) = (100, 60)
        let held = ((width + reduction - 1) / reduction, (height + reduction - 1) / reduction)
        var pixels: [UInt8] = []
        for y in 0..<held.1 {
            for x in 0..<held.0 {
                // Means of an even slope are its value in the middle, here times two, so that halves are whole.
                pixels += [UInt8(2 * x * reduction + reduction - 1), UInt8(2 * y * reduction + reduction - 1), 0]
            }
        }
        let owner = Bytes(pixels)
        return try RGBImage(
            width: width, height: height, reduction: reduction, bytesPerRow: 3 * held.0,
            pixels: UnsafeRawBufferPointer(owner.memory), owner: owner, reduced: reduced)
    }

    private final class Bytes {
        let memory: UnsafeMutableRawBufferPointer
        init(_ bytes: [UInt8]) {
            memory = .allocate(byteCount: bytes.count, alignment: 1)
            memory.copyBytes(from: bytes)
        }
        deinit { memory.deallocate() }
    }

    @Test(arguments: [2, 4]) func aReducedPictureShowsTheSameAtTheSamePlaces(_ reduction: Int) throws {
        let region = PoseRegion(centerX: 52, centerY: 31, size: 30, rotation: 0.4)
        let full = try sample(try slope(1), region, side: 5, border: .replicate)
        let reduced = try sample(try slope(reduction), region, side: 5, border: .replicate)
        #expect(zip(full, reduced).allSatisfy { abs($0 - $1) < 0.01 }, "\(full) \(reduced)")
    }

    @Test func aRegionIsCutFromAPictureAsFineAsItsPixels() throws {
        let asked = Log()
        let image = try slope(4) { pitch in
            asked.pitches.append(pitch)
            return try slope(pitch < 2 ? 1 : 2)
        }
        func look(size: Float) throws -> Int {
            let sampled = try sample(
                image, PoseRegion(centerX: 50, centerY: 30, size: size), side: 10, border: .replicate)
            let expected = try sample(
                try slope(1), PoseRegion(centerX: 50, centerY: 30, size: size), side: 10, border: .replicate)
            #expect(zip(sampled, expected).allSatisfy { abs($0 - $1) < 4.1 })
            return sampled.count
        }
        _ = try look(size: 40)
        #expect(asked.pitches.isEmpty, "each pixel of the crop is one of the picture's")
        _ = try look(size: 39)
        _ = try look(size: 20)
        _ = try look(size: 19)
        #expect(asked.pitches == [3.9, 2, 1.9])
        #expect(throws: BlazePoseError.self) {
            let lost = try slope(2) { _ in throw BlazePoseError.image("gone") }
            _ = try sample(lost, PoseRegion(centerX: 50, centerY: 30, size: 10), side: 10, border: .replicate)
        }
    }

    private final class Log: @unchecked Sendable {
        // One thread.
        var pitches: [Float] = []
    }

    @Test func aStreamNeedsNoMoreThanItsNetworksTake() {
        let tracker = PoseTracker()
        // Nobody yet: the smallest part that is searched is three fifths of the shorter side.
        #expect(isClose(tracker.pitch(width: 3840, height: 2160), 0.6 * 2160 / 224, 1e-3))
        func follow(_ size: Float) {
            let square = PoseRegion(centerX: 900, centerY: 900, size: size)
            let estimate = PoseEstimate(
                score: 1, landmarks: [], world: [],
                alignment: (hips: square.center, scale: Point(x: 900, y: 900 - size / 2 / PoseRegion.margin)),
                region: square)
            tracker.tracks.append(
                PoseTrack(id: 1, estimate: estimate, box: BoundingBox(x: 0, y: 0, width: size, height: size), time: 0))
        }
        follow(1024)
        #expect(isClose(tracker.pitch(width: 3840, height: 2160), 4, 1e-2))
        follow(256)
        #expect(isClose(tracker.pitch(width: 3840, height: 2160), 1, 1e-2))
    }

    private func sample(
        _ image: RGBImage, _ region: PoseRegion, side: Int, border: ImageWarp.Border, scale: Float = 1,
        offset: Float = 0
    ) throws -> [Float] {
        var output = [Float](repeating: -1, count: side * side * 3)
        try output.withUnsafeMutableBufferPointer {
            try ImageWarp.sample(
                image, region: region, side: side, border: border, scale: scale, offset: offset, into: $0)
        }
        return output
    }
}
