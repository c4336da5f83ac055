internal import BlazePose
internal import Testing

@Suite struct ImageTests {
    @Test func cropsAreOpenCVs() throws {
        let golden = try Golden.load().crops
        let image = try RGBImage(width: 64, height: 48, pixels: golden.image)
        for crop in golden.crops {
            let region = PoseRegion(
                centerX: crop.region[0], centerY: crop.region[1], size: crop.region[2], rotation: crop.region[3])
            let pixels = sample(image, region, side: 16, border: crop.border == "zero" ? .zero : .replicate)
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
            sample(image, whole, side: 2, border: .replicate) == [0, 10, 20, 100, 110, 120, 40, 50, 60, 200, 210, 220])
        let mapped = sample(image, whole, side: 2, border: .replicate, scale: 2 / 255, offset: -1)
        #expect(mapped[0] == -1 && isClose(mapped[11], 220 * 2 / 255 - 1, 1e-6))
    }

    @Test func outsideIsBlackOrTheEdge() throws {
        let image = try RGBImage(width: 8, height: 8, pixels: [UInt8](repeating: 200, count: 192))
        let away = PoseRegion(centerX: -500, centerY: 4, size: 8)
        #expect(sample(image, away, side: 4, border: .zero).allSatisfy { $0 == 0 })
        #expect(sample(image, away, side: 4, border: .replicate).allSatisfy { $0 == 200 })
        for broken in [Float.nan, .infinity, -.greatestFiniteMagnitude] {
            let region = PoseRegion(centerX: broken, centerY: 4, size: 8)
            #expect(sample(image, region, side: 4, border: .replicate).allSatisfy { $0 == 200 })
        }
    }

    @Test func sizesThatDoNotFitAreRefused() {
        #expect(throws: BlazePoseError.self) {
            try RGBImage(width: 4, height: 4, pixels: [UInt8](repeating: 0, count: 47))
        }
        #expect(throws: BlazePoseError.self) { try RGBImage(width: 0, height: 4, pixels: []) }
    }

    private func sample(
        _ image: RGBImage, _ region: PoseRegion, side: Int, border: ImageWarp.Border, scale: Float = 1,
        offset: Float = 0
    ) -> [Float] {
        var output = [Float](repeating: -1, count: side * side * 3)
        output.withUnsafeMutableBufferPointer {
            ImageWarp.sample(
                image, region: region, side: side, border: border, scale: scale, offset: offset, into: $0)
        }
        return output
    }
}
