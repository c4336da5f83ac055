internal import HMR2
internal import JPEG
internal import Messages
internal import Tensor
internal import Tracking

/// Engine `hmr2`: the body of each person that BlazePose's detector finds and follows, as "Humans in 4D" sees it, told apart
/// by PHALP's networks where their files are there, by the colours of their clothes where they are not.
final class HMR2Engine<Model: BodyTracking>: PoseEngine {
    let name = "hmr2"
    let skeleton = Skeleton.smpl44.name
    let needsPixels = true
    var computing: (device: String, precision: String) {
        (bodies.model.device.description, bodies.model.precision.rawValue)
    }

    private let finder: PersonFinder
    private let bodies: BodyFitter
    private let tracking: Model
    private let persons: FollowedPersons<Model>

    init(finder: PersonFinder, bodies: BodyFitter, tracking: Model, smooths: Bool) {
        self.finder = finder
        self.bodies = bodies
        self.tracking = tracking
        // The two ways of telling persons apart have no use for each other's memory.
        persons = FollowedPersons(
            engine: tracking.needsSurfaces ? "hmr2+phalp" : "hmr2", finder: finder, model: tracking,
            smooths: smooths)
    }

    func process(_ frames: [EngineFrame]) throws -> [EngineAnswer] {
        let views = try persons.look(at: frames)
        let fitted = try bodies.fit(
            views.map { view in
                BodyFitter.Input(
                    image: view.image, persons: view.findings.map(\.person),
                    focalLength: bodies.focalLength(of: view.frame.stream.description))
            }, forAppearance: tracking.needsSurfaces)
        return try zip(views, fitted).map { view, fitted in
            let image = view.image
            let appearances = try tracking.appearances(of: fitted, masks: view.findings.map(\.mask), in: image)
            let sightings = zip(fitted, appearances).map { fitted, appearance in
                var person = fitted.person
                person.appearance = PartColours(fitted.seen, image: image, layout: .blazepose33).bytes
                return IdentityKeeper<Model>.Sighting(
                    person: person, terms: TrackTerms(body: person, image: image, appearance: appearance))
            }
            return try persons.answer(sightings, in: view)
        }
    }

    func processStill(_ image: DecodedImage, boxes: [BoundingBox]) throws -> [Person] {
        let found: [Person]
        if boxes.isEmpty {
            found = try finder.findStill(image, boxes: [])
        } else {
            found = boxes.enumerated().map { index, box in
                Person(trackID: UInt32(index + 1), score: 1, bbox: box, keypoints2D: [], keypoints3D: [])
            }
        }
        let input = BodyFitter.Input(image: image, persons: found, focalLength: bodies.focalLength(of: nil))
        return try bodies.fit([input])[0].map(\.person)
    }

    func forget(_ session: SessionID) { persons.forget(session) }

    func mesh(of person: Person) throws -> BodyMesh? {
        guard let smpl = person.smpl else { return nil }
        let body = bodies.model.body
        return BodyMesh(
            vertices: try body.vertices(betas: smpl.betas, rotations: smpl.globalOrient + smpl.bodyPose),
            triangles: body.faces)
    }
}
