internal import HMR2
package import JPEG
package import Messages
internal import Tensor
internal import Weights

/// Engine `hmr2`: the body of each person that BlazePose's detector finds and follows, as "Humans in 4D" sees it.
package final class HMR2Engine: PoseEngine {
    package let name = "hmr2"
    package let skeleton = Skeleton.smpl44.name
    package let needsPixels = true

    private let detector: BlazePoseEngine
    private let model: HMR2Model
    private let focalLengths: [String?: Float]

    /// Loads both models.
    ///
    /// - Throws: an error that names a missing or unusable file and how to get it.
    package init(_ options: EngineOptions) throws {
        // First what is said in a moment, then what takes seconds.
        try options.hmr2.checkPresence()
        detector = try BlazePoseEngine(models: options.models, threads: options.threads)
        model = try HMR2Model(options.hmr2, device: options.device, precision: options.precision)
        focalLengths = options.focalLengths
    }

    package func process(_ frames: [EngineFrame]) throws -> [[Person]] {
        let found = try detector.process(frames)
        let images = frames.map { frame in
            guard let image = frame.image else { preconditionFailure("hmr2 was given a frame without pixels") }
            return image
        }
        return try bodies(of: found, in: zip(images, frames).map { ($0, focalLength(of: $1.stream.description)) })
    }

    package func processStill(_ image: DecodedImage, boxes: [BoundingBox]) throws -> [Person] {
        let found: [Person]
        if boxes.isEmpty {
            found = try detector.processStill(image, boxes: [])
        } else {
            found = boxes.enumerated().map { index, box in
                Person(trackID: UInt32(index + 1), score: 1, bbox: box, keypoints2D: [], keypoints3D: [])
            }
        }
        return try bodies(of: [found], in: [(image, focalLengths[nil])])[0]
    }

    package func forget(_ session: SessionID) {
        detector.forget(session)
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
