internal import HMR2
package import JPEG
package import Messages
internal import Tensor
internal import Tracking
internal import Weights

/// Engine `hmr2`: the body of each person that BlazePose's detector finds and follows, as "Humans in 4D" sees it.
package final class HMR2Engine: PoseEngine {
    package let name = "hmr2"
    package let skeleton = Skeleton.smpl44.name
    package let needsPixels = true

    private let finder: PersonFinder
    private let identities = IdentityKeeper(model: ColourTracking(), options: .live)
    private let model: HMR2Model
    private let focalLengths: [String?: Float]

    /// Loads both models.
    ///
    /// - Throws: an error that names a missing or unusable file and how to get it.
    package init(_ options: EngineOptions) throws {
        // First what is said in a moment, then what takes seconds.
        try options.hmr2.checkPresence()
        finder = try PersonFinder(models: options.models, threads: options.threads)
        model = try HMR2Model(options.hmr2, device: options.device, precision: options.precision)
        focalLengths = options.focalLengths
    }

    package func process(_ frames: [EngineFrame]) throws -> [EngineAnswer] {
        frames.forEach(restore)
        let isShot = frames.map(identities.isShot)
        let found = try finder.find(in: frames, isShot: isShot)
        let bodies = try bodies(of: found, in: frames.map { ($0.pixels, focalLength(of: $0.stream.description)) })
        return try zip(zip(frames, isShot), zip(found, bodies)).map { frame, persons in
            let (frame, isShot) = frame
            let sightings = zip(persons.0, persons.1).map { seen, person in
                let terms = TrackTerms(body: person, landmarks: seen, image: frame.pixels)
                var person = person
                person.appearance = terms.appearance.bytes
                return IdentityKeeper<ColourTracking>.Sighting(person: person, terms: terms)
            }
            let persons = try identities.identify(sightings, in: frame, isShot: isShot)
            return EngineAnswer(persons: persons, sessionState: savedState(of: frame.session))
        }
    }

    package func processStill(_ image: DecodedImage, boxes: [BoundingBox]) throws -> [Person] {
        let found: [Person]
        if boxes.isEmpty {
            found = try finder.findStill(image, boxes: [])
        } else {
            found = boxes.enumerated().map { index, box in
                Person(trackID: UInt32(index + 1), score: 1, bbox: box, keypoints2D: [], keypoints3D: [])
            }
        }
        return try bodies(of: [found], in: [(image, focalLengths[nil])])[0]
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

    package func mesh(of person: Person) throws -> BodyMesh? {
        guard let smpl = person.smpl else { return nil }
        return BodyMesh(
            vertices: try model.body.vertices(betas: smpl.betas, rotations: smpl.globalOrient + smpl.bodyPose),
            triangles: model.body.faces)
    }

    private func focalLength(of stream: String) -> Float? { focalLengths[stream] ?? focalLengths[nil] }

    /// The persons with their bodies; all crops of all frames go through the network together.
    private func bodies(of persons: [[Person]], in frames: [(image: DecodedImage, focalLength: Float?)]) throws
        -> [[Person]]
    {
        let pictures = try zip(persons, frames).map { persons, frame in
            HMR2Model.Picture(
                // Without a person in it a picture is not looked at.
                pixels: persons.isEmpty
                    ? try Tensor(zeros: [1, 1, 3], dtype: .uint8) : try frame.image.tensor(),
                crops: persons.map { PersonCrop($0.bbox) })
        }
        let bodies = try model.bodies(in: pictures)
        return zip(zip(persons, pictures), zip(bodies, frames)).map { found, seen in
            zip(found.0, zip(found.1.crops, seen.0)).map { person, pair in
                let image = seen.1.image
                return completed(
                    person, crop: pair.0, body: pair.1, image: image,
                    focalLength: seen.1.focalLength
                        ?? CropCamera.standardFocalLength(
                            model.cropFocalLength, width: image.width, height: image.height))
            }
        }
    }

    private func completed(
        _ person: Person, crop: PersonCrop, body: HMR2Model.Body, image: DecodedImage, focalLength: Float
    ) -> Person {
        let translation = body.camera.translation(
            in: crop, width: image.width, height: image.height, focalLength: focalLength)
        var person = person
        person.keypoints3D = body.keypoints
        // HMR2 says nothing about which joints are seen: the person's own score stands for each.
        person.keypoints2D = body.keypoints.map { point in
            let seen = CropCamera.project(
                point, translation: translation, focalLength: focalLength, width: image.width, height: image.height)
            return SIMD3(seen.x, seen.y, person.score)
        }
        person.cameraTranslation = translation
        person.focalLength = focalLength
        person.smpl = SMPLParameters(betas: body.betas, bodyPose: body.bodyPose, globalOrient: body.globalOrient)
        return person
    }
}

extension PersonCrop {
    fileprivate init(_ box: BoundingBox) {
        self.init(x: box.x, y: box.y, width: box.width, height: box.height)
    }
}

extension DecodedImage {
    /// A copy of the pixels, (height, width, 3).
    fileprivate func tensor() throws(TorchError) -> Tensor {
        try withUnsafeBytes { bytes throws(TorchError) in
            try Tensor(copying: bytes, shape: [height, width, 3], dtype: .uint8)
        }
    }
}
