internal import BlazePose
internal import Testing

@Suite struct GeometryTests {
    @Test(arguments: [Float(0), 0.4, -1.3, 2.9])
    func aRegionMapsThereAndBack(rotation: Float) {
        let region = PoseRegion(centerX: 321, centerY: 87, size: 140, rotation: rotation)
        for unit in [Point(x: 0, y: 0), Point(x: 1, y: 0.25), Point(x: -0.3, y: 1.4)] {
            let back = region.toUnit(region.toPixels(unit))
            #expect(isClose(back.x, unit.x, 1e-4) && isClose(back.y, unit.y, 1e-4))
        }
        let middle = region.toPixels(Point(x: 0.5, y: 0.5))
        #expect(isClose(middle.x, 321, 1e-3) && isClose(middle.y, 87, 1e-3))
        let corners = [Point(x: 0, y: 0), Point(x: 1, y: 0)].map { region.toPixels($0) }
        #expect(isClose(corners[0].distance(to: corners[1]), 140, 1e-2))
    }

    @Test func aRegionFollowsItsAlignmentPoints() {
        let upright = PoseRegion(hips: Point(x: 50, y: 80), scale: Point(x: 50, y: 40))
        #expect(isClose(upright.rotation, 0, 1e-6))
        #expect(upright.size == 100)
        #expect(upright.center == Point(x: 50, y: 80))
        // Leaning to the picture's right is a clockwise, positive rotation.
        #expect(isClose(PoseRegion(hips: Point(x: 50, y: 80), scale: Point(x: 90, y: 80)).rotation, .pi / 2, 1e-5))
        let inverted = PoseRegion(hips: Point(x: 50, y: 80), scale: Point(x: 50, y: 120))
        #expect(isClose(abs(inverted.rotation), .pi, 1e-5))
    }

    @Test func anglesAreNormalised() {
        #expect(isClose(PoseRegion.normalized(3 * .pi / 2), -.pi / 2, 1e-5))
        #expect(isClose(PoseRegion.normalized(-3 * .pi / 2), .pi / 2, 1e-5))
        #expect(isClose(PoseRegion.normalized(-.pi), -.pi, 1e-5))
        #expect(isClose(PoseRegion.normalized(9 * .pi / 4), .pi / 4, 1e-5))
    }

    @Test func boxesOverlapAndAreClipped() {
        let box = BoundingBox(x: 0, y: 0, width: 10, height: 10)
        #expect(isClose(box.intersectionOverUnion(BoundingBox(x: 5, y: 0, width: 10, height: 10)), 1.0 / 3, 1e-6))
        #expect(box.intersectionOverUnion(BoundingBox(x: 10, y: 0, width: 10, height: 10)) == 0)
        #expect(box.intersectionOverUnion(BoundingBox(x: 3, y: 3, width: 0, height: 0)) == 0)
        #expect(
            BoundingBox(x: -5, y: 4, width: 30, height: 30).clipped(width: 20, height: 10)
                == BoundingBox(x: 0, y: 4, width: 20, height: 6))
        #expect(BoundingBox(x: 50, y: 50, width: 5, height: 5).clipped(width: 20, height: 10).area == 0)
        #expect(BoundingBox(around: [Point]()) == nil)
    }

    @Test func tilesCoverThePicture() {
        for (width, height) in [(640, 360), (360, 640), (500, 500), (4000, 300)] {
            let tiles = PosePipeline.tiles(width: width, height: height)
            for side in Set(tiles.map(\.size)) {
                let level = tiles.filter { $0.size == side }
                #expect(isClose(level.map { $0.centerX - side / 2 }.min() ?? 1, 0, 0.01))
                #expect(isClose(level.map { $0.centerX + side / 2 }.max() ?? 0, Float(width), 0.01))
                // Neighbours overlap by half, so that whoever stands on one edge is within the next.
                let columns = Set(level.map(\.centerX)).sorted()
                #expect(zip(columns, columns.dropFirst()).allSatisfy { $1 - $0 <= side / 2 + 0.01 })
            }
        }
    }
}
