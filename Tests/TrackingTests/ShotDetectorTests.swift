import Testing
import Tracking

@Suite struct ShotDetectorTests {
    /// A picture of coloured patches, the same for the same seed, seen from a place in it.
    private func picture(seed: UInt64, shift: Int = 0, gain: Float = 1) -> [UInt8] {
        var pixels: [UInt8] = []
        for y in 0..<Self.height {
            for x in 0..<Self.width {
                let patch = UInt64((x + shift + 10_000) / 80) &* 7919 &+ UInt64(y / 60) &* 104_729
                var random = SplitMix64(seed: seed &* 1_000_003 &+ patch)
                let value = random.next()
                for channel in 0..<3 {
                    pixels.append(UInt8(min(255, Float(value >> (8 * UInt64(channel)) & 255) * gain)))
                }
            }
        }
        return pixels
    }

    private static let (width, height) = (640, 360)

    private func shots(_ pictures: [[UInt8]]) -> [Int] {
        var detector = ShotDetector()
        return pictures.indices.filter { index in
            pictures[index].withUnsafeBytes {
                detector.isShot(pixels: $0, width: Self.width, height: Self.height)
            }
        }
    }

    @Test func aCutIsAShotAndTheFirstFrameIsNone() {
        let first = (0..<12).map { picture(seed: 1, shift: 3 * $0) }
        let second = (0..<12).map { picture(seed: 2, shift: 3 * $0) }
        #expect(shots(first + second + first) == [12, 24])
    }

    @Test func aPanIsNoShotHoweverFast() {
        // A seventh of the picture's width in each frame, beginning at once.
        #expect(
            shots((0..<6).map { _ in picture(seed: 1) } + (0..<12).map { picture(seed: 1, shift: 90 * $0) }).isEmpty)
    }

    @Test func lightThatChangesIsNoShot() {
        #expect(shots((0..<20).map { picture(seed: 3, gain: 1 - 0.03 * Float($0)) }).isEmpty)
    }

    @Test func anotherProcessNoticesTheCutToo() {
        var detector = ShotDetector()
        func take(_ pixels: [UInt8]) -> Bool {
            pixels.withUnsafeBytes { detector.isShot(pixels: $0, width: Self.width, height: Self.height) }
        }
        for index in 0..<5 { #expect(!take(picture(seed: 1, shift: index))) }
        var writer = StateWriter()
        detector.save(to: &writer)
        var reader = StateReader(writer.bytes)
        detector = ShotDetector()
        #expect(detector.restore(from: &reader) && reader.isAtEnd)
        #expect(!take(picture(seed: 1, shift: 5)))
        #expect(take(picture(seed: 2)))
    }

    @Test func smallPicturesAreRead() {
        var detector = ShotDetector()
        let pixels = [UInt8](repeating: 9, count: 3)
        #expect(!pixels.withUnsafeBytes { detector.isShot(pixels: $0, width: 1, height: 1) })
    }
}
