internal import BlazePose
internal import Testing

@Suite struct PipelineTests {
    private typealias Body = SimulatedScene.Body

    @Test func aPersonIsFollowedWithOneLandmarkRunAFrame() throws {
        let scene = SimulatedScene()
        scene.bodies = [Body(frames: 0..<200) { Point(x: 200 + 2 * Float($0), y: 180) }]
        let persons = try run(scene, frames: 0..<12)
        #expect(persons.allSatisfy { $0.map(\.trackID) == [1] })
        #expect(
            persons.allSatisfy { $0[0].observed && $0[0].keypoints.count == 33 && $0[0].worldKeypoints.count == 33 })
        // The first frame: one batch of two crops through the detector, then a look and its confirmation. Then a part in each,
        // for others.
        #expect(scene.detectorRuns == [2] + [Int](repeating: 1, count: 11))
        #expect(scene.landmarkRuns == [1, 1] + [Int](repeating: 1, count: 11))
        for (frame, found) in persons.enumerated() {
            let expected = 200 + 2 * Float(frame)
            #expect(isClose(found[0].boundingBox.center.x, expected, 10))
        }
    }

    @Test func afterTheBeginningOfAShotOthersAreLookedForNowAndThen() throws {
        let scene = SimulatedScene()
        scene.bodies = [Body(frames: 0..<200) { _ in Point(x: 200, y: 180) }]
        let pipeline = PosePipeline(inference: scene, options: BlazePoseOptions())
        let tracker = PoseTracker()
        func runs(_ frames: Range<Int>) throws -> Int {
            scene.forgetRuns()
            for frame in frames { _ = try pipeline.process([(tracker, SimulatedScene.image(frame), nil)]) }
            return scene.detectorRuns.count
        }
        #expect(try runs(0..<30) == 30)
        // In fifteen frames the whole picture once and four parts of it.
        #expect(try runs(30..<90) == 20)
        tracker.cut()
        #expect(try runs(90..<120) == 30)
    }

    @Test func aFigureOfOneColourBesideSomebodyIsAShadow() throws {
        let scene = SimulatedScene()
        scene.bodies = [
            Body(frames: 0..<200) { _ in Point(x: 150, y: 180) }, Body(frames: 0..<200) { _ in Point(x: 350, y: 180) },
        ]
        func found(even: Range<Int>) throws -> [Int] {
            let pipeline = PosePipeline(inference: scene, options: BlazePoseOptions())
            let tracker = PoseTracker()
            return try (0..<20).map { frame in
                try pipeline.process([(tracker, SimulatedScene.image(frame, even: even), nil)])[0].count
            }
        }
        #expect(try found(even: 0..<0).allSatisfy { $0 == 2 })
        #expect(try found(even: 260..<440).allSatisfy { $0 == 1 })
        // Alone it may be somebody against the sun.
        scene.bodies.removeFirst()
        #expect(try found(even: 260..<440).allSatisfy { $0 == 1 })
    }

    @Test func anotherProcessGoesOnFollowing() throws {
        let scene = SimulatedScene()
        scene.bodies = [Body(frames: 0..<200) { Point(x: 200 + 4 * Float($0), y: 180) }]
        let pipeline = PosePipeline(inference: scene, options: BlazePoseOptions())
        let tracker = PoseTracker()
        for frame in 0..<40 { _ = try pipeline.process([(tracker, SimulatedScene.image(frame), nil)]) }
        scene.forgetRuns()
        let next = PoseTracker(numbers: tracker.numbers)
        #expect(next.numbers == tracker.numbers)
        let persons = try pipeline.process([(next, SimulatedScene.image(40), nil)])
        #expect(persons[0].map(\.trackID) == [1] && scene.landmarkRuns == [1])
        // Numbers that are none of a tracker's begin anew.
        for bad in [[], [1, 2, 3], [.nan] + tracker.numbers.dropFirst(), tracker.numbers + [1]] as [[Double]] {
            #expect(PoseTracker(numbers: bad).tracks.isEmpty)
        }
    }

    @Test func newPersonsAreFoundAtTheNextDetectionAndNumbersStay() throws {
        let scene = SimulatedScene()
        scene.bodies = [
            Body(frames: 0..<200) { _ in Point(x: 150, y: 180) },
            Body(frames: 5..<200) { _ in Point(x: 450, y: 180) },
        ]
        var options = BlazePoseOptions()
        options.redetectionInterval = 10
        let persons = try run(scene, frames: 0..<40, options)
        let first = try #require(persons.firstIndex { $0.count == 2 })
        #expect((5...10).contains(first))
        #expect(persons[..<first].allSatisfy { $0.map(\.trackID) == [1] })
        #expect(persons[first...].allSatisfy { $0.map(\.trackID) == [1, 2] })
    }

    @Test func aSmallPersonIsFoundWhileAnotherIsFollowedButNotInTheOnesShadow() throws {
        let scene = SimulatedScene()
        var small = Body(frames: 0..<200) { _ in Point(x: 520, y: 200) }
        (small.size, small.visibleWithin) = (60, 400)
        let followed = Body(frames: 0..<200) { _ in Point(x: 150, y: 180) }
        scene.bodies = [followed, small]
        let persons = try run(scene, frames: 0..<60)
        let first = try #require(persons.firstIndex { $0.count == 2 })
        #expect(first < 15)
        #expect(persons[first...].allSatisfy { $0.map(\.trackID) == [1, 2] })
        // Less than one and a half times the followed one's size away.
        (small.frames, small.center) = (3..<200, { _ in Point(x: 300, y: 230) })
        scene.bodies = [followed, small]
        #expect(try run(scene, frames: 0..<60).allSatisfy { $0.map(\.trackID) == [1] })
    }

    @Test func aJumpIsCaughtByACloserLookAndKeepsTheNumber() throws {
        let scene = SimulatedScene()
        // Further than the landmark model's own tolerance, within reach of the search; then it comes to rest.
        scene.bodies = [Body(frames: 0..<200) { Point(x: $0 < 5 ? 200 : 255, y: 180) }]
        #expect(try run(scene, frames: 0..<12).allSatisfy { $0.map(\.trackID) == [1] })
        var options = BlazePoseOptions()
        options.closerLooks = false
        options.redetectionInterval = 100
        scene.ghosts = []
        scene.bodies[0].visibleWithin = 0
        scene.bodies.append(Body(frames: 0..<1) { _ in Point(x: 200, y: 180) })
        #expect(try run(scene, frames: 0..<8, options)[5].isEmpty, "without closer looks the jump loses the person")
    }

    @Test func aCameraThatStallsOrWhoseClockJumpsDoesNotCarryAnybodyAway() throws {
        let scene = SimulatedScene()
        // Moving on, and in the tenth frame a little more than the landmark model tolerates, while the clock jumps a second. To
        // the detector nobody shows, so that only a look at the right place finds the person.
        scene.bodies = [Body(frames: 0..<200) { Point(x: 100 + 10 * Float($0) + ($0 < 10 ? 0 : 35), y: 180) }]
        let pipeline = PosePipeline(inference: scene, options: BlazePoseOptions())
        let tracker = PoseTracker()
        for frame in 0..<14 {
            if frame == 1 { scene.bodies[0].visibleWithin = 0 }
            let time = Double(frame) / 30 + (frame < 10 ? 0 : 1)
            let persons = try pipeline.process([(tracker, SimulatedScene.image(frame), time)])
            #expect(persons[0].map(\.trackID) == [1], "frame \(frame)")
        }
    }

    @Test func aTurnIsCaughtByLookingAtOtherRotations() throws {
        let scene = SimulatedScene()
        var tumbling = Body(frames: 3..<200) { _ in Point(x: 300, y: 180) }
        tumbling.rotation = 2.1
        // Upside down, the detector no longer sees it.
        tumbling.visibleWithin = 0
        scene.bodies = [Body(frames: 0..<3) { _ in Point(x: 300, y: 180) }, tumbling]
        let persons = try run(scene, frames: 0..<10)
        #expect(persons.allSatisfy { $0.map(\.trackID) == [1] })
        #expect(isClose(persons[9][0].region.rotation, 2.1, 0.01))
    }

    @Test func aSmallPersonIsFoundInAMagnifiedPart() throws {
        let scene = SimulatedScene()
        var small = Body(frames: 0..<200) { _ in Point(x: 500, y: 90) }
        small.size = 50
        small.visibleWithin = 250
        scene.bodies = [small]
        let persons = try run(scene, frames: 0..<40)
        let first = try #require(persons.firstIndex { !$0.isEmpty })
        #expect(first > 0 && first < 20)
        #expect(persons[first...].allSatisfy { $0.map(\.trackID) == [1] })
        let still = PosePipeline(inference: scene, options: BlazePoseOptions())
        #expect(try still.detect(still: SimulatedScene.image(0)).count == 1)
    }

    @Test func aPersonWhoIsLostAgainAndAgainCostsNoMoreThanTheAllowance() throws {
        let scene = SimulatedScene()
        // In sight every third frame, each time somewhere else, and turned so that only a search finds it.
        scene.bodies = (0..<60).map { step in
            Body(frames: (3 * step)..<(3 * step + 1), rotation: step.isMultiple(of: 2) ? 0 : 2.1) { _ in
                Point(x: 250 + 40 * Float(step % 3), y: 180)
            }
        }
        let pipeline = PosePipeline(inference: scene, options: BlazePoseOptions())
        let tracker = PoseTracker()
        var runs: [Int] = []
        for frame in 0..<180 {
            scene.forgetRuns()
            _ = try pipeline.process([(tracker, SimulatedScene.image(frame), nil)])
            runs.append((scene.detectorRuns + scene.landmarkRuns).reduce(0, +))
        }
        // What was saved up for bursts, then what a frame adds, the person followed and the search that overdraws.
        let total = runs.reduce(0, +), most = 20 + 180 * (6 + 1) + 10
        #expect(total <= most)
        #expect(total > 180 * 2, "it is looked for all the same")
        #expect(runs.allSatisfy { $0 <= 30 })
    }

    @Test func anEmptyPictureIsSearchedLessAfterAWhile() throws {
        let scene = SimulatedScene()
        _ = try run(scene, frames: 0..<60)
        #expect(scene.detectorRuns[..<16].allSatisfy { $0 == 2 })
        #expect(scene.detectorRuns[16...].allSatisfy { $0 == 1 })
        // Both the whole picture and its parts go on being searched.
        scene.bodies = [Body(frames: 60..<200) { _ in Point(x: 300, y: 180) }]
        var small = Body(frames: 60..<200) { _ in Point(x: 500, y: 90) }
        (small.size, small.visibleWithin) = (50, 250)
        for body in [scene.bodies[0], small] {
            scene.bodies = [body]
            #expect(try run(scene, frames: 0..<120).last?.count == 1)
        }
    }

    @Test func whatTheLandmarkModelDoubtsIsNobody() throws {
        let scene = SimulatedScene()
        scene.ghosts = [.rejected(Point(x: 200, y: 150)), .unstable(Point(x: 450, y: 200))]
        #expect(try run(scene, frames: 0..<30).allSatisfy(\.isEmpty))
        let pipeline = PosePipeline(inference: scene, options: BlazePoseOptions())
        #expect(try pipeline.detect(still: SimulatedScene.image(0)).isEmpty)
    }

    @Test func aPersonOutOfSightKeepsItsNumberForAWhile() throws {
        func numbers(gap: Int, closerLooks: Bool) throws -> [Int] {
            let scene = SimulatedScene()
            scene.bodies = [
                Body(frames: 0..<10) { _ in Point(x: 300, y: 180) },
                Body(frames: (10 + gap)..<100) { _ in Point(x: 310, y: 180) },
            ]
            var options = BlazePoseOptions()
            options.closerLooks = closerLooks
            return try run(scene, frames: 0..<60, options).compactMap { $0.first?.trackID }
        }
        // Found again by a closer look, or else by the detection in the whole picture.
        for closerLooks in [true, false] {
            #expect(Set(try numbers(gap: 10, closerLooks: closerLooks)) == [1])
            #expect(Set(try numbers(gap: 30, closerLooks: closerLooks)) == [1, 2])
        }
    }

    @Test func twoTracksOnOneBodyBecomeOne() throws {
        let scene = SimulatedScene()
        // The second one walks behind the first and is gone.
        scene.bodies = [
            Body(frames: 0..<200) { _ in Point(x: 300, y: 180) },
            Body(frames: 0..<20) { Point(x: 480 - 9 * Float($0), y: 180) },
        ]
        let persons = try run(scene, frames: 0..<40)
        #expect(persons[0].count == 2)
        #expect(persons[30...].allSatisfy { $0.count == 1 })
    }

    @Test func streamsShareTheirNetworkRunsAndNothingElse() throws {
        let scene = SimulatedScene()
        scene.bodies = [
            Body(frames: 0..<100) { _ in Point(x: 150, y: 180) },
            Body(frames: 0..<100) { _ in Point(x: 450, y: 180) },
        ]
        let pipeline = PosePipeline(inference: scene, options: BlazePoseOptions())
        let trackers = [PoseTracker(), PoseTracker(), PoseTracker()]
        for frame in 0..<5 {
            scene.forgetRuns()
            let image = try SimulatedScene.image(frame)
            let persons = try pipeline.process(trackers.map { ($0, image, nil) })
            #expect(persons.map { $0.map(\.trackID) } == [[1, 2], [1, 2], [1, 2]])
            if frame > 0 { #expect(scene.landmarkRuns == [6]) }
            // A part of each stream's picture, all in one batch.
            if frame > 0 { #expect(scene.detectorRuns == [3]) }
        }
        #expect(try pipeline.process([]).isEmpty)
    }

    @Test func theNumberOfPersonsIsBounded() throws {
        let scene = SimulatedScene()
        scene.bodies = (0..<5).map { index in
            Body(frames: 0..<100, size: 60) { _ in Point(x: 60 + 120 * Float(index), y: 180) }
        }
        var options = BlazePoseOptions()
        options.maximumPersons = 3
        options.redetectionInterval = 2
        #expect(try run(scene, frames: 0..<8, options).allSatisfy { $0.count == 3 })
        let pipeline = PosePipeline(inference: scene, options: options)
        #expect(try pipeline.detect(still: SimulatedScene.image(0)).count == 3)
    }

    @Test func givenBoxesAreAnsweredOneByOneInOrder() throws {
        let scene = SimulatedScene()
        scene.bodies = [
            Body(frames: 0..<100) { _ in Point(x: 150, y: 180) },
            Body(frames: 0..<100) { _ in Point(x: 450, y: 180) },
        ]
        let pipeline = PosePipeline(inference: scene, options: BlazePoseOptions())
        let boxes = [450, 20, 150].map { BoundingBox(x: $0 - 35, y: 130, width: 70, height: 100) }
        let persons = try pipeline.detect(still: SimulatedScene.image(0), boxes: boxes)
        #expect(persons.map(\.trackID) == [1, 2, 3])
        #expect(isClose(persons[0].boundingBox.center.x, 450, 20))
        #expect(persons[1].score < 0.5)
        #expect(isClose(persons[2].boundingBox.center.x, 150, 20))
    }

    @Test func beginningTheSearchAheadChangesNothing() throws {
        func persons(looksAhead: Bool) throws -> (scene: SimulatedScene, found: [[Int]], boxes: [[BoundingBox]]) {
            let scene = SimulatedScene()
            scene.looksAhead = looksAhead
            // One who stays, one who comes, one who is out of sight for a while.
            scene.bodies = [
                Body(frames: 0..<200) { _ in Point(x: 100, y: 180) },
                Body(frames: 20..<200) { _ in Point(x: 300, y: 180) },
                Body(frames: 0..<40) { _ in Point(x: 500, y: 180) },
                Body(frames: 46..<200) { _ in Point(x: 500, y: 180) },
            ]
            let persons = try run(scene, frames: 0..<80)
            return (scene, persons.map { $0.map(\.trackID) }, persons.map { $0.map(\.boundingBox) })
        }
        let plain = try persons(looksAhead: false)
        let ahead = try persons(looksAhead: true)
        #expect(ahead.found == plain.found)
        #expect(ahead.boxes == plain.boxes)
        #expect(ahead.scene.detectorRuns == plain.scene.detectorRuns)
        #expect(ahead.scene.landmarkRuns == plain.scene.landmarkRuns)
        #expect(plain.scene.begun == 0)
        #expect(ahead.scene.begun > 20 && ahead.scene.cancelled < ahead.scene.begun / 2)
    }

    @Test func aLiveStreamThatLostEverybodyIsSearchedWhileCloserLooksAreTaken() throws {
        func persons(isLive: Bool, looksAhead: Bool) throws -> (scene: SimulatedScene, boxes: [[BoundingBox]]) {
            let scene = SimulatedScene()
            scene.looksAhead = looksAhead
            scene.bodies = [
                Body(frames: 0..<40) { _ in Point(x: 200, y: 180) },
                Body(frames: 44..<200) { _ in Point(x: 420, y: 180) },
            ]
            let pipeline = PosePipeline(inference: scene, options: BlazePoseOptions())
            let tracker = PoseTracker()
            tracker.isLive = isLive
            let boxes = try (0..<60).map { frame in
                try pipeline.process([(tracker, SimulatedScene.image(frame), nil)])[0].map(\.boundingBox)
            }
            return (scene, boxes)
        }
        let plain = try persons(isLive: true, looksAhead: false)
        let ahead = try persons(isLive: true, looksAhead: true)
        #expect(plain.boxes[50].count == 1)
        #expect(ahead.boxes == plain.boxes)
        #expect(ahead.scene.detectorRuns == plain.scene.detectorRuns)
        #expect(ahead.scene.landmarkRuns == plain.scene.landmarkRuns)
        // The four frames without anybody.
        #expect(ahead.scene.begun >= (try persons(isLive: false, looksAhead: true)).scene.begun + 4)
    }

    @Test func inALiveStreamASearchIsSpreadOverFrames() throws {
        /// The most crops looked at in one frame after the beginning, and the first frame in which the person who turned is
        /// found again.
        func search(isLive: Bool) throws -> (crops: Int, found: Int?) {
            let scene = SimulatedScene()
            scene.bodies = [
                Body(frames: 0..<40) { _ in Point(x: 200, y: 180) },
                Body(frames: 42..<200, rotation: 2.1, visibleWithin: 0) { _ in Point(x: 200, y: 180) },
            ]
            let pipeline = PosePipeline(inference: scene, options: BlazePoseOptions())
            let tracker = PoseTracker()
            tracker.isLive = isLive
            var most = 0
            var found: Int?
            for frame in 0..<60 {
                scene.forgetRuns()
                let persons = try pipeline.process([(tracker, SimulatedScene.image(frame), nil)])[0]
                if frame >= 40 { most = max(most, (scene.detectorRuns + scene.landmarkRuns).reduce(0, +)) }
                if frame >= 42, !persons.isEmpty, found == nil { found = frame }
            }
            return (most, found)
        }
        let file = try search(isLive: false)
        let live = try search(isLive: true)
        // All that a file's frame is worth at once would let the live stream's next frames wait.
        #expect(file.crops > 10 && live.crops <= 9)
        #expect((live.found ?? .max) <= 45)
    }

    @Test func timeRunsForwardWhateverTheClocksSay() {
        let tracker = PoseTracker()
        #expect(tracker.advance(to: 5) == 5)
        #expect(tracker.advance(to: 5.5) == 5.5)
        #expect(abs(tracker.advance(to: 2) - (5.5 + 1.0 / 30)) < 1e-9)
        #expect(abs(tracker.advance(to: nil) - (5.5 + 2.0 / 30)) < 1e-9)
        #expect(abs(tracker.advance(to: .nan) - (5.5 + 3.0 / 30)) < 1e-9)
    }

    private func run(
        _ scene: SimulatedScene, frames: Range<Int>, _ options: BlazePoseOptions = BlazePoseOptions()
    ) throws -> [[BlazePosePerson]] {
        scene.forgetRuns()
        let pipeline = PosePipeline(inference: scene, options: options)
        let tracker = PoseTracker()
        return try frames.map { try pipeline.process([(tracker, SimulatedScene.image($0), nil)])[0] }
    }
}
