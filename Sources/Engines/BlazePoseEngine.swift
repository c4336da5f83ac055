package import Foundation
package import JPEG
package import Messages
internal import Tracking

/// Engine `blazepose`: MediaPipe's BlazePose GHUM, and the tracker with what its joints and pixels tell.
package final class BlazePoseEngine: PoseEngine {
    package let name = "blazepose"
    package let skeleton = Skeleton.blazepose33.name
    package let needsPixels = true
    package let firstScale: @Sendable (Int, Int) -> DecodeScale = PersonFinder.firstScale

    private let finder: PersonFinder
    private let persons: FollowedPersons<ColourTracking>

    /// Loads the two weight files.
    ///
    /// - Parameters:
    ///   - models: the folder that holds them.
    ///   - threads: how many threads one computation may use.
    ///   - smooths: whether poses are steadied.
    /// - Throws: an error that names a missing or altered file and the command that fetches it.
    package init(models: URL, threads: Int, smooths: Bool = false) throws {
        finder = try PersonFinder(models: models, threads: threads, needsFullSize: false)
        persons = FollowedPersons(engine: name, finder: finder, model: ColourTracking(), smooths: smooths)
    }

    package func process(_ frames: [EngineFrame]) throws -> [EngineAnswer] {
        try persons.look(at: frames).map { view in
            let sightings = view.findings.map { finding in
                let terms = TrackTerms(landmarks: finding.person, picture: view.frame.shown, image: view.image)
                var person = finding.person
                person.appearance = terms.appearance.bytes
                return IdentityKeeper<ColourTracking>.Sighting(person: person, terms: terms)
            }
            return try persons.answer(sightings, in: view)
        }
    }

    package func processStill(_ image: DecodedImage, boxes: [BoundingBox]) throws -> [Person] {
        try finder.findStill(image, boxes: boxes)
    }

    package func forget(_ session: SessionID) { persons.forget(session) }
}
