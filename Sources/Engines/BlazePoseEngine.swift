package import Foundation
package import JPEG
package import Messages
internal import Tracking

/// Engine `blazepose`: MediaPipe's BlazePose GHUM, and the tracker with what its joints and pixels tell.
package final class BlazePoseEngine: PoseEngine {
    package let name = "blazepose"
    package let skeleton = Skeleton.blazepose33.name
    package let needsPixels = true

    private let finder: PersonFinder
    private let identities = IdentityKeeper(model: ColourTracking(), options: .live)

    /// Loads the two weight files.
    ///
    /// - Parameters:
    ///   - models: the folder that holds them.
    ///   - threads: how many threads one computation may use.
    /// - Throws: an error that names a missing or altered file and the command that fetches it.
    package init(models: URL, threads: Int) throws {
        finder = try PersonFinder(models: models, threads: threads)
    }

    package func process(_ frames: [EngineFrame]) throws -> [EngineAnswer] {
        frames.forEach(restore)
        let isShot = frames.map(identities.isShot)
        let found = try finder.find(in: frames, isShot: isShot)
        return try zip(zip(frames, isShot), found).map { frame, persons in
            let (frame, isShot) = frame
            let sightings = persons.map { person in
                let terms = TrackTerms(landmarks: person, image: frame.pixels)
                var person = person
                person.appearance = terms.appearance.bytes
                return IdentityKeeper<ColourTracking>.Sighting(person: person, terms: terms)
            }
            let persons = try identities.identify(sightings, in: frame, isShot: isShot)
            return EngineAnswer(persons: persons, sessionState: savedState(of: frame.session))
        }
    }

    package func processStill(_ image: DecodedImage, boxes: [BoundingBox]) throws -> [Person] {
        try finder.findStill(image, boxes: boxes)
    }

    package func forget(_ session: SessionID) {
        finder.forget(session)
        identities.forget(session)
    }

    private func savedState(of session: SessionID) -> [UInt8] {
        SavedState(engine: name).bytes { writer in
            finder.save(session, to: &writer)
            identities.save(session, to: &writer)
        }
    }

    private func restore(_ frame: EngineFrame) {
        guard !identities.knows(frame.session), !frame.savedState.isEmpty else { return }
        let isRestored = SavedState(engine: name).read(frame.savedState) { reader in
            finder.restore(frame.session, from: &reader) && identities.restore(frame.session, from: &reader)
        }
        if !isRestored { forget(frame.session) }
    }
}
