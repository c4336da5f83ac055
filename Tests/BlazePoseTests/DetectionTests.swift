internal import BlazePose
internal import Testing

@Suite struct DetectionTests {
    @Test func anchorsAreMediaPipes() throws {
        let golden = try Golden.load().anchors
        let centers = DetectorAnchors.centers
        #expect(centers.count == 2254)
        #expect(centers.count == golden.count)
        for (center, expected) in [
            (centers[0], golden.first), (centers[1600], golden.at1600), (centers[2253], golden.last),
        ] {
            #expect(isClose(center.x, expected[0], 1e-6) && isClose(center.y, expected[1], 1e-6))
        }
        #expect(abs(centers.reduce(0.0) { $0 + Double($1.x) } - golden.sum[0]) < 1e-2)
        #expect(abs(centers.reduce(0.0) { $0 + Double($1.y) } - golden.sum[1]) < 1e-2)
    }

    @Test func decodesAndSuppressesAsTheReferenceDoes() throws {
        let expected = try Golden.load().detections
        var boxes = Golden.noise(2254 * 12, seed: 1).map { ($0 - 0.5) * 80 }
        let sizes = Golden.noise(2254 * 2, seed: 2).map { 30 + 40 * $0 }
        for index in 0..<2254 {
            boxes[index * 12 + 2] = sizes[index * 2] * (index >= 5 && (index - 5) % 7 == 0 ? -1 : 1)
            boxes[index * 12 + 3] = sizes[index * 2 + 1]
        }
        let logits = Golden.noise(2254, seed: 3).map { $0 * 24 - 22 }
        let found = decode(boxes, logits)
        try #require(found.count == expected.count)
        for (detection, reference) in zip(found, expected) {
            #expect(isClose(detection.score, reference.score, 1e-5))
            #expect(isClose(detection.box.x, reference.corners[0], 1e-4))
            #expect(isClose(detection.box.y, reference.corners[1], 1e-4))
            #expect(isClose(detection.box.x + detection.box.width, reference.corners[2], 1e-4))
            #expect(isClose(detection.box.y + detection.box.height, reference.corners[3], 1e-4))
            for (index, point) in detection.points.enumerated() {
                #expect(isClose(point.x, reference.points[index * 2], 1e-4))
                #expect(isClose(point.y, reference.points[index * 2 + 1], 1e-4))
            }
        }
    }

    @Test func extremeAndUndefinedOutputsAreHarmless() {
        var boxes = [Float](repeating: 20, count: 2254 * 12)
        var logits = [Float](repeating: -.infinity, count: 2254)
        logits[7] = .infinity
        logits[1900] = 1000
        logits[2000] = 5
        boxes[2000 * 12 + 4] = .nan
        logits[2001] = .nan
        let found = decode(boxes, logits)
        #expect(found.count == 2)
        #expect(found.allSatisfy { $0.score == 1 })
        logits = [Float](repeating: -50, count: 2254)
        #expect(decode(boxes, logits).isEmpty)
    }

    @Test func overlappingDetectionsBecomeTheirWeightedMean() throws {
        func detection(_ score: Float, _ x: Float) -> PoseDetection {
            PoseDetection(
                score: score, box: BoundingBox(x: x, y: 0, width: 10, height: 10), points: [Point(x: x, y: 2 * x)])
        }
        let found = DetectionDecoder.weightedNonMaximumSuppression([
            detection(0.6, 2), detection(0.9, 0), detection(0.5, 50),
        ])
        try #require(found.count == 2)
        #expect(found[0].score == 0.9)
        #expect(isClose(found[0].box.x, 0.8, 1e-5))
        #expect(isClose(found[0].points[0].y, 1.6, 1e-5))
        #expect(found[1].box.x == 50)
        // An overlap of 0.25 (under the threshold of 0.3) leaves both.
        #expect(DetectionDecoder.weightedNonMaximumSuppression([detection(0.9, 0), detection(0.6, 6)]).count == 2)
    }

    @Test func aDetectionIsProjectedFromItsCrop() {
        let detection = PoseDetection(
            score: 1, box: BoundingBox(x: 0.25, y: 0.25, width: 0.5, height: 0.25),
            points: [Point(x: 0.5, y: 0.5), Point(x: 0.5, y: 0.25)])
        let region = PoseRegion(centerX: 100, centerY: 50, size: 40, rotation: .pi / 2)
        let projected = detection.projected(by: region.toPixels)
        #expect(isClose(projected.points[1].x, 110, 1e-3) && isClose(projected.points[1].y, 50, 1e-3))
        // A quarter turn exchanges width and height.
        #expect(isClose(projected.box.width, 10, 1e-3) && isClose(projected.box.height, 20, 1e-3))
        #expect(isClose(projected.region.rotation, .pi / 2, 1e-4))
        #expect(isClose(projected.region.size, 2 * 10 * 1.25, 1e-3))
    }

    private func decode(_ boxes: [Float], _ logits: [Float]) -> [PoseDetection] {
        boxes.withUnsafeBufferPointer { boxes in
            logits.withUnsafeBufferPointer { logits in
                DetectionDecoder.decode(boxes: boxes, logits: logits, threshold: 0.5)
            }
        }
    }
}
