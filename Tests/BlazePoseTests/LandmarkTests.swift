internal import BlazePose
internal import Foundation
internal import Testing

@Suite struct LandmarkTests {
    @Test func decodesRefinesAndProjectsAsTheReferenceDoes() throws {
        let golden = try Golden.load()
        let expected = golden.landmarks
        let region = PoseRegion(
            centerX: golden.region[0], centerY: golden.region[1], size: golden.region[2], rotation: golden.region[3])
        var raw = Golden.noise(39 * 5, seed: 4).map { $0 * 300 - 20 }
        for index in 0..<39 {
            for offset in 3..<5 { raw[index * 5 + offset] = raw[index * 5 + offset] / 30 - 4 }
        }
        let heatmap = Golden.noise(64 * 64 * 39, seed: 5).map { $0 * 12 - 10 }
        let world = Golden.noise(39 * 3, seed: 6).map { $0 * 2 - 1 }
        let pose = decode(raw, heatmap, world, region)
        try #require(pose.landmarks.count == 33 && pose.world.count == 33)
        let pixels = pose.landmarks.map(\.position) + [pose.alignment.hips, pose.alignment.scale]
        for (point, reference) in zip(pixels, expected.pixels) {
            #expect(isClose(point.x, reference[0], 2e-3) && isClose(point.y, reference[1], 2e-3))
        }
        for (index, landmark) in pose.landmarks.enumerated() {
            #expect(isClose(landmark.depth, expected.depth[index], 1e-3))
            #expect(isClose(landmark.visibility, expected.visibility[index], 1e-5))
            #expect(isClose(landmark.presence, expected.presence[index], 1e-5))
            for axis in 0..<3 { #expect(isClose(pose.world[index][axis], expected.metres[index][axis], 1e-5)) }
        }
    }

    @Test func aWeakHeatmapOrAPointOutsideChangesNothing() {
        let weak = [Float](repeating: -3, count: 64 * 64 * 39)
        let strong = [Float](repeating: 3, count: 64 * 64 * 39)
        let point = Point(x: 0.51, y: 0.48)
        weak.withUnsafeBufferPointer { #expect(LandmarkDecoder.refine(point, landmark: 3, heatmap: $0) == point) }
        strong.withUnsafeBufferPointer { heatmap in
            let moved = LandmarkDecoder.refine(point, landmark: 3, heatmap: heatmap)
            #expect(isClose(moved.x, 32.0 / 64, 1e-5) && isClose(moved.y, 30.0 / 64, 1e-5))
            for outside in [Point(x: 1.01, y: 0.5), Point(x: 0.5, y: -0.02), Point(x: .nan, y: 0.5)] {
                let same = LandmarkDecoder.refine(outside, landmark: 3, heatmap: heatmap)
                #expect(same == outside || outside.x.isNaN && same.x.isNaN)
            }
            // At the edge the kernel is cut off.
            #expect(isClose(LandmarkDecoder.refine(Point(x: 0, y: 0), landmark: 3, heatmap: heatmap).x, 2.0 / 64, 1e-5))
        }
    }

    @Test func theFilterIsMediaPipes() throws {
        let golden = try Golden.load().filter
        var filter = OneEuroFilter(minimumCutoff: 0.01, beta: 10, derivativeCutoff: 1)
        for (raw, expected) in zip(golden.raw, golden.filtered) {
            #expect(isClose(filter(raw, interval: 1 / 30, scale: 1 / 180), expected, 1e-3))
        }
    }

    @Test func theMaskGivesTheBoxOfAPersonInARotatedRegion() throws {
        let region = PoseRegion(centerX: 100, centerY: 100, size: 256, rotation: .pi / 2)
        var logits = [Float](repeating: -4, count: 256 * 256)
        // 64 wide and 128 high in the region; far away a patch that is somebody else.
        for row in 64..<192 { for column in 96..<160 { logits[row * 256 + column] = 0.01 } }
        for row in 0..<10 { for column in 0..<10 { logits[row * 256 + column] = 5 } }
        let mask = logits.withUnsafeBufferPointer { PersonMask(logits: $0, region: region) }
        let map = region.toPixels
        let landmarks = [Point(x: 0.4, y: 0.3), Point(x: 0.6, y: 0.7)].map {
            Landmark(position: map($0), depth: 0, visibility: 1, presence: 1)
        }
        let box = try #require(mask.boundingBox(near: landmarks))
        #expect(isClose(box.width, 127, 0.1) && isClose(box.height, 63, 0.1))
        #expect(isClose(box.center.x, 100, 0.1) && isClose(box.center.y, 100, 0.1))
        #expect(mask.probability(atX: 100, y: 100) > 0.5)
        #expect(mask.probability(atX: 100, y: 180) < 0.05)
        #expect(mask.probability(atX: 1000, y: 100) == 0)
        // Nobody's pixels near the landmarks: no box.
        let elsewhere = [Landmark(position: map(Point(x: 0.05, y: 0.9)), depth: 0, visibility: 1, presence: 1)]
        #expect(mask.boundingBox(near: elsewhere) == nil)
    }

    @Test func withoutAMaskTheBoxReachesOverTheLandmarks() {
        var landmarks = [Landmark](
            repeating: Landmark(position: Point(x: 50, y: 60), depth: 0, visibility: 1, presence: 1), count: 33)
        landmarks[7].position = Point(x: 48, y: 40)
        landmarks[8].position = Point(x: 52, y: 40)
        landmarks[31].position = Point(x: 50, y: 120)
        let pose = PoseEstimate(
            score: 1, landmarks: landmarks, world: [], alignment: (Point(x: 50, y: 80), Point(x: 50, y: 40)),
            region: PoseRegion(centerX: 50, centerY: 80, size: 100))
        let box = pose.bodyBox
        // The crown lies above the ears, the soles below the feet.
        #expect(box.y < 25 && box.y > 10)
        #expect(box.y + box.height > 120)
    }

    private func decode(_ raw: [Float], _ heatmap: [Float], _ world: [Float], _ region: PoseRegion) -> PoseEstimate {
        raw.withUnsafeBufferPointer { raw in
            heatmap.withUnsafeBufferPointer { heatmap in
                world.withUnsafeBufferPointer { world in
                    LandmarkDecoder.decode(
                        LandmarkDecoder.Outputs(landmarks: raw, score: 0.9, heatmap: heatmap, world: world),
                        region: region)
                }
            }
        }
    }
}
