import Engines
import JPEG
import Messages
import Testing
import Tracking

@Suite struct IdentityKeeperTests {
    private typealias Keeper = IdentityKeeper<ColourTracking>

    private let session = SessionID()
    private let keeper = Keeper(model: ColourTracking(), options: .live)

    /// A picture of a few colours; another seed is another shot.
    private func image(seed: UInt8 = 0) throws -> DecodedImage {
        let (width, height) = (640, 360)
        var pixels = [UInt8](repeating: 0, count: 3 * width * height)
        for y in 0..<height {
            for x in 0..<width {
                let patch = UInt8(truncatingIfNeeded: (x / 40 &* 37 &+ y / 40 &* 91) &* (1 + Int(seed) &* 13))
                for channel in 0..<3 { pixels[3 * (y * width + x) + channel] = patch &+ 80 &* UInt8(channel) }
            }
        }
        return try pixels.withUnsafeBytes { try DecodedImage(rgb: $0, width: width, height: height) }
    }

    private func frame(_ sequence: UInt64, seed: UInt8 = 0) throws -> EngineFrame {
        EngineFrame(
            session: session, stream: try StreamName("cam"), sequence: SequenceNumber(sequence),
            captureTime: Timestamp(nanoseconds: Int64(sequence) * 33_000_000),
            picture: FramePicture(try image(seed: seed)))
    }

    /// A person of 100 pixels around a place.
    private func somebody(x: Float, depth: Double = 40) -> Keeper.Sighting {
        let box = BoundingBox(x: x - 25, y: 130, width: 50, height: 100)
        let person = Person(
            trackID: 0, score: 0.9, bbox: box, keypoints2D: [SIMD3(x, 180, 0.9), SIMD3(x + 10, 200, 0.9)],
            keypoints3D: [.zero, SIMD3(0.2, 0.4, 0)])
        return Keeper.Sighting(
            person: person,
            terms: TrackTerms(
                location: SIMD2((Double(x) - 320) / 640 + 0.5, 0.5), camera: SIMD3(0, 0, depth), confidence: 0.9,
                pose: [1, 2, 3], appearance: .unknown))
    }

    private func identify(_ sightings: [Keeper.Sighting], _ frame: EngineFrame, by keeper: Keeper? = nil) throws
        -> [Person]
    {
        let keeper = keeper ?? self.keeper
        let image = try #require(frame.picture).image(.full)
        return try keeper.identify(sightings, in: frame, isShot: keeper.isShot(frame, image))
    }

    @Test func aPersonHasItsNumberFromTheFirstFrameAndIsConfirmedInTheFifth() throws {
        let states = try (0..<6).map { try identify([somebody(x: 100 + 5 * Float($0))], frame($0))[0] }
        #expect(states.map(\.trackID) == [1, 1, 1, 1, 1, 1])
        #expect(states.map(\.state) == [.tentative, .tentative, .tentative, .tentative, .confirmed, .confirmed])
        #expect(states.map(\.observed).allSatisfy { $0 })
    }

    @Test func somebodyUnseenIsWhereItsMovementTakesIt() throws {
        for sequence in 0..<10 { _ = try identify([somebody(x: 100 + 10 * Float(sequence))], frame(UInt64(sequence))) }
        let person = try #require(try identify([], frame(10)).first)
        #expect((person.trackID, person.state, person.observed) == (1, .predicted, false))
        // Ridge regression pulls the slope towards zero a little.
        #expect(abs(person.bbox.x + 25 - 200) < 4 && abs(person.bbox.width - 50) < 1)
        #expect(abs(person.keypoints2D[0].x - 200) < 4 && person.keypoints2D.count == 2)
        #expect(person.score < 0.9)
        // Seen again it is the same.
        #expect(try identify([somebody(x: 220)], frame(12)).map(\.trackID) == [1])
    }

    @Test func whoIsOnlyTentativeOrOutOfThePictureIsNotPredicted() throws {
        for sequence in 0..<3 { _ = try identify([somebody(x: 100)], frame(UInt64(sequence))) }
        #expect(try identify([], frame(3)).isEmpty)
        for sequence in 4..<12 {
            _ = try identify([somebody(x: 560 + 10 * Float(sequence - 4))], frame(UInt64(sequence)))
        }
        #expect(try identify([], frame(12)).count == 1)
        #expect(try identify([], frame(14)).isEmpty)
    }

    @Test func nobodyIsPredictedAcrossACut() throws {
        for sequence in 0..<8 { _ = try identify([somebody(x: 100)], frame(UInt64(sequence))) }
        #expect(try identify([], frame(8, seed: 5)).isEmpty)
        #expect(try identify([somebody(x: 100)], frame(9, seed: 5)).map(\.trackID) == [2])
    }

    @Test func anotherProcessGoesOnWithTheSamePersons() throws {
        for sequence in 0..<8 {
            _ = try identify([somebody(x: 100 + 4 * Float(sequence)), somebody(x: 500)], frame(UInt64(sequence)))
        }
        var writer = StateWriter()
        keeper.save(session, to: &writer)
        let other = Keeper(model: ColourTracking(), options: .live)
        var reader = StateReader(writer.bytes)
        #expect(!other.knows(session))
        #expect(other.restore(session, from: &reader) && reader.isAtEnd && other.knows(session))
        // One seen, one not: as the first would have said.
        let expected = try identify([somebody(x: 500)], frame(8))
        let found = try identify([somebody(x: 500)], frame(8), by: other)
        #expect(found == expected && found.map(\.trackID) == [2, 1])
        for length in 0..<writer.bytes.count {
            var reader = StateReader(Array(writer.bytes[..<length]))
            #expect(!Keeper(model: ColourTracking(), options: .live).restore(session, from: &reader))
        }
    }

    @Test func aFrameThatIsTriedAgainTeachesNothingTwice() throws {
        for sequence in 0..<4 { _ = try identify([somebody(x: 100)], frame(UInt64(sequence))) }
        let first = try identify([somebody(x: 100)], frame(4))
        #expect(try identify([somebody(x: 100)], frame(4)).map(\.trackID) == first.map(\.trackID))
        #expect(try identify([somebody(x: 100), somebody(x: 500)], frame(4)).count == 2)
        // The second one was not kept.
        #expect(try identify([somebody(x: 100), somebody(x: 300)], frame(5)).map(\.trackID) == [1, 2])
    }
}
