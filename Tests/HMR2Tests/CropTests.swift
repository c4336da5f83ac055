import Foundation
import HMR2
import Testing

struct CropTests {
    @Test(
        arguments: [
            // Narrower than 3 : 4: the height counts. Wider: the height that belongs to the width.
            ([10, 20, 30, 400], 400.0), ([10, 20, 300, 40], 400), ([0, 0, 3, 4], 4),
        ] as [([Float], Float)])
    func sideIsThatOfTheBoxGrownToThreeByFour(box: [Float], side: Float) {
        let crop = PersonCrop(x: box[0], y: box[1], width: box[2], height: box[3])
        #expect(crop.side == side)
        #expect(crop.centerX == box[0] + box[2] / 2)
        #expect(crop.centerY == box[1] + box[3] / 2)
    }

    @Test func withoutShrinkingEachPixelIsBetweenTwoOfThePicture() {
        // A side of 256: one pixel a pixel, from 128.25 - 128 on.
        let axis = SampledAxis(center: 128.25, side: 256, outputs: 0..<256, length: 1000)
        #expect(!axis.isBlurred)
        #expect(axis.sources == 0..<257)
        for row in 0..<256 {
            let weights = axis.weights[(row * 257)..<((row + 1) * 257)]
            #expect(Array(weights.dropFirst(row).prefix(2)) == [0.75, 0.25])
            #expect(weights.reduce(0, +) == 1)
        }
    }

    @Test func blurKeepsEvenSurfacesEvenUpToThePicturesEdge() {
        let axis = SampledAxis(center: 1000, side: 1800, outputs: 0..<256, length: 2000)
        #expect(axis.isBlurred)
        let count = axis.sources.count
        for row in 0..<256 {
            let sum = axis.weights[(row * count)..<((row + 1) * count)].reduce(0, +)
            #expect(abs(sum - 1) < 1e-5)
        }
    }

    @Test func beyondThePictureIsBlack() {
        let half = SampledAxis(center: 0, side: 256, outputs: 0..<256, length: 500)
        let count = half.sources.count
        // The last one lies exactly on a pixel, whose neighbour has no share in it.
        #expect(half.sources == 0..<129)
        #expect(half.weights.prefix(127 * count).allSatisfy { $0 == 0 })
        #expect(SampledAxis(center: -1000, side: 256, outputs: 0..<256, length: 500).sources.isEmpty)
        #expect(SampledAxis(center: 1e30, side: 256, outputs: 0..<256, length: 500).sources.isEmpty)
    }

    @Test func aBodyIsWhereTheCropWas() {
        // The network's camera puts the pelvis into the crop's middle: there it must be in the picture.
        let crop = PersonCrop(x: 300, y: 100, width: 120, height: 400)
        let camera = CropCamera(scale: 0.8, x: 0, y: 0)
        let focal = CropCamera.standardFocalLength(5000, width: 1280, height: 720)
        #expect(focal == 25000)
        let translation = camera.translation(in: crop, width: 1280, height: 720, focalLength: focal)
        let seen = CropCamera.project(.zero, translation: translation, focalLength: focal, width: 1280, height: 720)
        #expect(abs(seen.x - 360) < 0.01 && abs(seen.y - 300) < 0.01)
        // With another focal length the body is elsewhere and still seen there.
        let near = camera.translation(in: crop, width: 1280, height: 720, focalLength: 1000)
        let again = CropCamera.project(.zero, translation: near, focalLength: 1000, width: 1280, height: 720)
        #expect(near.z < translation.z && abs(again.x - 360) < 0.01 && abs(again.y - 300) < 0.01)
    }
}
