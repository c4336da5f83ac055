internal import Foundation
package import JPEG
package import Messages
package import Tracking

/// Gives the persons that an engine finds their identities, each session's for itself, and says where confirmed ones should
/// be that were not found.
///
/// An engine finds persons; who they are is decided here, by the same tracker for every engine.
package final class IdentityKeeper<Model: TrackingModel> {
    /// What an engine found in one frame.
    package struct Sighting {
        /// In pixels, with a root that can be placed; `trackID` and `state` are filled in here.
        package var person: Person
        /// What the tracker goes by.
        package var terms: TrackTerms<Model.Appearance>

        package init(person: Person, terms: TrackTerms<Model.Appearance>) {
            self.person = person
            self.terms = terms
        }
    }

    /// One session.
    private struct Session {
        var tracker: PersonTracker<Model>
        var shots = ShotDetector()
        /// Confirmed persons as they were seen last, by their number.
        var lastSeen: [Int: Seen] = [:]
        /// The last frame that was looked at for a cut, and whether it was one.
        var shot: (time: Int, isShot: Bool)?
    }

    fileprivate struct Seen {
        var person: Person
        var location: SIMD2<Double>
        var depth: Double
    }

    private let model: Model
    private let options: PersonTracker<Model>.Options
    private var sessions: [SessionID: Session] = [:]

    package init(model: Model, options: PersonTracker<Model>.Options) {
        self.model = model
        self.options = options
    }

    /// Whether a session has a past here.
    package func knows(_ session: SessionID) -> Bool { sessions[session] != nil }

    /// Forgets a session that has ended.
    package func forget(_ session: SessionID) { sessions[session] = nil }

    /// Whether a frame begins a shot.
    ///
    /// - Parameter image: what it shows, at any size.
    package func isShot(_ frame: EngineFrame, _ image: DecodedImage) -> Bool {
        var session = sessions[frame.session] ?? Session(tracker: PersonTracker(model: model, options: options))
        let time = Int(clamping: frame.sequence.value)
        // A frame whose batch failed is tried again, and is still the same picture.
        if let shot = session.shot, shot.time == time { return shot.isShot }
        let isShot = image.withUnsafeBytes {
            session.shots.isShot(pixels: $0, width: image.width, height: image.height)
        }
        session.shot = (time, isShot)
        sessions[frame.session] = session
        return isShot
    }

    /// The persons of a frame with their identities, in the order in which they were found, and after them those that are
    /// only expected.
    package func identify(_ sightings: [Sighting], in frame: EngineFrame, isShot: Bool) throws -> [Person] {
        var session = sessions[frame.session] ?? Session(tracker: PersonTracker(model: model, options: options))
        let time = Int(clamping: frame.sequence.value)
        // A frame whose batch failed after it had its turn is tried again: the same identities, and nothing new learnt.
        let isRepeated = session.tracker.time.map { $0 >= time } ?? false
        var tracker = session.tracker
        let answer = try tracker.update(
            sightings.map(\.terms), time: isRepeated ? (session.tracker.time ?? time) + 1 : time, isShot: isShot)
        if !isRepeated { session.tracker = tracker }

        var persons: [Person] = []
        for (sighting, identity) in zip(sightings, answer.identities) {
            var person = sighting.person
            person.trackID = UInt32(clamping: identity.id)
            person.state = identity.isConfirmed ? .confirmed : .tentative
            persons.append(person)
            if identity.isConfirmed, !isRepeated {
                session.lastSeen[identity.id] = Seen(
                    person: person, location: sighting.terms.location, depth: sighting.terms.camera.z)
            }
        }
        for prediction in answer.predictions {
            guard let seen = session.lastSeen[prediction.id],
                let person = seen.predicted(prediction, in: frame, largestAge: options.largestAge)
            else { continue }
            persons.append(person)
        }
        let remembered = Set(session.tracker.tracks.map(\.id))
        session.lastSeen = session.lastSeen.filter { remembered.contains($0.key) }
        sessions[frame.session] = session
        return persons
    }

    // MARK: - Saving

    /// Writes what is remembered of a session.
    package func save(_ id: SessionID, to writer: inout StateWriter) {
        guard let session = sessions[id] else { return }
        session.tracker.save(to: &writer)
        session.shots.save(to: &writer)
        writer.write(UInt32(session.lastSeen.count))
        for (number, seen) in session.lastSeen.sorted(by: { $0.key < $1.key }) {
            writer.write(number)
            writer.write(seen.location.x)
            writer.write(seen.location.y)
            writer.write(seen.depth)
            writer.write(seen.person.wireBytes())
        }
    }

    /// Goes on with a session of another process.
    ///
    /// - Returns: false where the bytes are not what `save` wrote for this model; the session then has no past.
    package func restore(_ id: SessionID, from reader: inout StateReader) -> Bool {
        var session = Session(tracker: PersonTracker(model: model, options: options))
        guard session.tracker.restore(from: &reader), session.shots.restore(from: &reader),
            let count = reader.count(ofSize: 36)
        else { return false }
        for _ in 0..<count {
            guard let number = reader.int(), let x = reader.double(), let y = reader.double(),
                let depth = reader.double(), let bytes = reader.byteArray(), let person = try? Person(wire: bytes)
            else { return false }
            session.lastSeen[number] = Seen(person: person, location: SIMD2(x, y), depth: depth)
        }
        sessions[id] = session
        return true
    }
}

extension IdentityKeeper.Seen {
    /// The person as it was seen last, moved to where it is expected and brought to that distance; nil where the
    /// expectation is too vague to be drawn, or out of the picture.
    ///
    /// Too vague: its 95 % interval is wider than half of the person. What is drawn then would more likely be beside the
    /// person than on it.
    fileprivate func predicted(
        _ prediction: PersonTracker<Model>.Prediction, in frame: EngineFrame, largestAge: Int
    ) -> Person? {
        guard let image = frame.picture else { return nil }
        let expected = prediction.expectation
        let side = Double(max(image.width, image.height))
        let reach = expected.locationInterval
        let interval = (reach.x * reach.x + reach.y * reach.y).squareRoot() * side
        guard interval.isFinite, interval <= Double(max(person.bbox.width, person.bbox.height)) / 2 else { return nil }
        let corner = SIMD2(Double(image.width), Double(image.height)) / 2 - side / 2
        let from = location * side + corner
        let to = expected.location * side + corner
        guard to.x >= 0, to.y >= 0, to.x < Double(image.width), to.y < Double(image.height) else { return nil }
        let scale = depth / expected.nearness
        guard scale.isFinite, scale > 0 else { return nil }

        func move(_ x: Float, _ y: Float) -> SIMD2<Float> {
            let moved = to + (SIMD2(Double(x), Double(y)) - from) * scale
            return SIMD2(Float(moved.x), Float(moved.y))
        }
        var person = person
        person.observed = false
        person.state = .predicted
        let age = Int(clamping: frame.sequence.value) - prediction.lastSeen
        person.score *= max(0, 1 - Float(age) / Float(largestAge + 1))
        let topLeft = move(person.bbox.x, person.bbox.y)
        person.bbox = BoundingBox(
            x: topLeft.x, y: topLeft.y, width: person.bbox.width * Float(scale),
            height: person.bbox.height * Float(scale))
        person.keypoints2D = person.keypoints2D.map { point in
            let moved = move(point.x, point.y)
            return SIMD3(moved.x, moved.y, point.z)
        }
        if var translation = person.cameraTranslation, let focalLength = person.focalLength {
            translation.z /= Float(scale)
            let middle = SIMD2(Float(image.width), Float(image.height)) / 2
            let offset = (SIMD2(Float(to.x), Float(to.y)) - middle) * translation.z / focalLength
            person.cameraTranslation = SIMD3(offset.x, offset.y, translation.z)
        }
        return person
    }
}
