import Foundation
import Testing
import Tracking

@Suite struct TorsoPoseTests {
    /// Upright, arms and legs down.
    private var joints: [SIMD3<Float>] {
        var joints = [SIMD3<Float>](repeating: .zero, count: 33)
        let layout = BodyLayout.blazepose33
        for (place, x, y) in [
            (layout.leftShoulder, 0.2, -0.5), (layout.rightShoulder, -0.2, -0.5), (layout.leftElbow, 0.25, -0.2),
            (layout.rightElbow, -0.25, -0.2), (layout.leftWrist, 0.3, 0.1), (layout.rightWrist, -0.3, 0.1),
            (layout.leftHip, 0.1, 0), (layout.rightHip, -0.1, 0), (layout.leftKnee, 0.1, 0.4),
            (layout.rightKnee, -0.1, 0.4), (layout.leftAnkle, 0.1, 0.8), (layout.rightAnkle, -0.1, 0.8),
        ] as [(Int, Float, Float)] { joints[place] = SIMD3(x, y, 0) }
        return joints
    }

    @Test(arguments: [0.2, 0.7, 1.5, 3] as [Float]) func aTurnedTorsoDiffersAsSMPLsRotationsDo(angle: Float) {
        let turned = joints.map {
            SIMD3($0.x * cos(angle) - $0.y * sin(angle), $0.x * sin(angle) + $0.y * cos(angle), 0)
        }
        let difference = TrackingCost.squaredDistance(
            TorsoPose.vector(joints, layout: .blazepose33), TorsoPose.vector(turned, layout: .blazepose33))
        // Limbs are seen from the torso: only its own matrix differs.
        #expect(abs(difference - Double(4 * (1 - cos(angle)))) < 1e-4)
    }

    @Test func aBentArmDiffersAsOneOfSMPLsRotationsDoes() {
        var bent = joints
        let layout = BodyLayout.blazepose33
        let forearm = bent[layout.leftWrist] - bent[layout.leftElbow]
        let angle: Float = 0.9
        bent[layout.leftWrist] =
            bent[layout.leftElbow]
            + SIMD3(forearm.x * cos(angle) - forearm.y * sin(angle), forearm.x * sin(angle) + forearm.y * cos(angle), 0)
        let difference = TrackingCost.squaredDistance(
            TorsoPose.vector(joints, layout: layout), TorsoPose.vector(bent, layout: layout))
        #expect(abs(difference - Double(4 * (1 - cos(angle)))) < 1e-4)
    }

    @Test func sizeAndPlaceSayNothing() {
        let other = joints.map { $0 * 1.7 + SIMD3(3, -2, 8) }
        let difference = TrackingCost.squaredDistance(
            TorsoPose.vector(joints, layout: .blazepose33), TorsoPose.vector(other, layout: .blazepose33))
        #expect(difference < 1e-8)
    }

    @Test func jointsInOnePointAreNoPose() {
        let vector = TorsoPose.vector([SIMD3](repeating: .zero, count: 44), layout: .smpl44)
        #expect(vector == [Float](repeating: 0, count: TorsoPose.count))
    }
}

@Suite struct PartColoursTests {
    private static let (width, height) = (200, 200)

    /// A figure in a picture: jacket above, trousers below.
    private func colours(jacket: SIMD3<Float>, trousers: SIMD3<Float>, light: Float = 1, score: Float = 1)
        -> PartColours
    {
        var pixels = [UInt8](repeating: 128, count: 3 * Self.width * Self.height)
        for y in 0..<Self.height {
            let colour = (y < 100 ? jacket : trousers) * light
            for x in 0..<Self.width {
                for channel in 0..<3 { pixels[3 * (y * Self.width + x) + channel] = UInt8(min(255, colour[channel])) }
            }
        }
        var keypoints = [SIMD3<Float>](repeating: .zero, count: 33)
        let layout = BodyLayout.blazepose33
        for (place, x, y) in [
            (layout.leftEar, 105, 15), (layout.rightEar, 95, 15), (layout.leftShoulder, 120, 35),
            (layout.rightShoulder, 80, 35), (layout.leftElbow, 130, 60), (layout.rightElbow, 70, 60),
            (layout.leftWrist, 130, 85), (layout.rightWrist, 70, 85), (layout.leftHip, 112, 98),
            (layout.rightHip, 88, 98), (layout.leftKnee, 112, 145), (layout.rightKnee, 88, 145),
            (layout.leftAnkle, 112, 190), (layout.rightAnkle, 88, 190),
        ] as [(Int, Float, Float)] { keypoints[place] = SIMD3(x, y, score) }
        return pixels.withUnsafeBytes {
            PartColours(pixels: $0, width: Self.width, height: Self.height, keypoints: keypoints, layout: layout)
        }
    }

    private let yellow = SIMD3<Float>(200, 150, 30), black = SIMD3<Float>(40, 40, 45), blue = SIMD3<Float>(40, 60, 190)

    @Test func partsHaveTheColoursOfTheirPixels() {
        let found = colours(jacket: yellow, trousers: black)
        let luma: Float = 0.299 * 200 + 0.587 * 150 + 0.114 * 30
        for part in [PartColours.Part.torso, .upperArms, .forearms] {
            #expect(abs(found.entries[part.rawValue].colour.x - luma) < 0.5)
            #expect(found.entries[part.rawValue].weight > 0.95)
        }
        for part in [PartColours.Part.thighs, .shins] {
            #expect(abs(found.entries[part.rawValue].colour.x - 40.57) < 0.5)
        }
    }

    @Test func aPersonInShadeIsMoreLikeItselfThanLikeAnother() throws {
        let person = colours(jacket: yellow, trousers: black)
        let shaded = try #require(person.difference(from: colours(jacket: yellow, trousers: black, light: 0.8)))
        let other = try #require(person.difference(from: colours(jacket: blue, trousers: black)))
        #expect(person.difference(from: person) == 0)
        #expect(shaded < 3 && other > 30)
        let costs = ColourTracking().distances([person], [person, colours(jacket: blue, trousers: black)])[0]
        #expect(costs[0] == 0 && 1 + costs[1] * TrackingCost.equation019.appearance > 10)
    }

    @Test func whatWasNotSeenSaysNothing() {
        let unseen = colours(jacket: yellow, trousers: black, score: 0)
        #expect(unseen == .unknown)
        #expect(unseen.difference(from: colours(jacket: yellow, trousers: black)) == nil)
        #expect(ColourTracking().distances([unseen], [colours(jacket: blue, trousers: black)]) == [[0]])
        #expect(
            PartColours.unknown.mixed(with: colours(jacket: blue, trousers: black), confidence: 1).entries[1].weight
                > 0.9)
    }

    @Test func bytesKeepThemToALevel() throws {
        let person = colours(jacket: yellow, trousers: blue)
        let again = try #require(PartColours(bytes: person.bytes))
        #expect(try #require(again.difference(from: person)) < 0.01)
        #expect(PartColours(bytes: person.bytes.dropLast()) == nil && PartColours(bytes: []) == nil)
    }
}

@Suite struct PersonTrackerTests {
    private typealias Tracker = PersonTracker<ColourTracking>

    private func somebody(_ x: Double, z: Double = 40) -> TrackTerms<PartColours> {
        TrackTerms(
            location: SIMD2(x, 0.5), camera: SIMD3(x - 0.5, 0, z), confidence: 0.9, pose: [0, 0], appearance: .unknown)
    }

    @Test func framesThatAreMissingAreTimeThatPasses() throws {
        var tracker = Tracker(model: ColourTracking())
        for frame in 0..<8 { _ = try tracker.update([somebody(0.2 + 0.01 * Double(frame))], time: frame) }
        // Ten frames later, ten steps further.
        let answer = try tracker.update([somebody(0.38)], time: 18)
        #expect(answer.identities.map(\.id) == [1] && answer.identities.allSatisfy(\.isConfirmed))
        #expect(try tracker.update([], time: 68).predictions.map(\.id) == [1])
        #expect(try tracker.update([], time: 69).predictions.isEmpty)
        #expect(tracker.tracks.isEmpty)
        #expect(try tracker.update([somebody(0.4)], time: 70).identities.map(\.id) == [2])
    }

    @Test func aShotEndsTheTracksThatDoNotGoOnInIt() throws {
        var options = Tracker.Options()
        options.endsTracksAtShot = true
        options.costAtShot = .equation010AtShot
        options.largestCostAtShot = 2
        var tracker = Tracker(model: ColourTracking(), options: options)
        for frame in 0..<8 { _ = try tracker.update([somebody(0.2), somebody(0.8)], time: frame) }
        var other = somebody(0.2)
        other.pose = [1, 1]
        // One who looks and stands the same, wherever, and one who does not.
        let answer = try tracker.update([somebody(0.5), other], time: 8, isShot: true)
        #expect(answer.identities.map(\.id).sorted().last == 3 && answer.predictions.isEmpty)
        #expect(tracker.tracks.count == 2)
    }

    @Test func bytesThatAreCutOffOrOfAnotherTrackerAreRefused() throws {
        var tracker = Tracker(model: ColourTracking())
        for frame in 0..<8 { _ = try tracker.update([somebody(0.2), somebody(0.8)], time: frame) }
        var writer = StateWriter()
        tracker.save(to: &writer)
        for length in 0..<writer.bytes.count {
            var copy = Tracker(model: ColourTracking())
            var reader = StateReader(Array(writer.bytes[..<length]))
            #expect(!copy.restore(from: &reader) && copy.tracks.isEmpty)
        }
        // What each person costs on the light engine.
        #expect(writer.bytes.count < 2 * 4096)
    }
}
