internal import BlazePose
internal import HMR2
internal import JPEG
internal import Messages
internal import Tensor
internal import Weights

/// Fits a body to each person that was found, with HMR2.
final class BodyFitter {
    /// A found person and its body.
    struct FittedBody {
        /// As it was found, with BlazePose's joints where it was not given by a box.
        let seen: Person
        /// The same person with the body.
        var person: Person
        /// What HMR2 says; with vertices where they were asked for.
        let body: HMR2Model.Body
        /// The part of the picture that HMR2 was shown.
        let crop: PersonCrop
        /// The crop's pixels, normalised, (3, 256, 256), on the device; where vertices were asked for.
        let square: Tensor?
    }

    /// A picture and the persons to be fitted.
    struct Input {
        let image: DecodedImage
        let persons: [Person]
        /// In pixels; nil: as 4D-Humans takes it.
        let focalLength: Float?
    }

    let model: HMR2Model
    private let focalLengths: [String?: Float]

    /// Loads the model.
    ///
    /// - Throws: an error that names a missing or unusable file and how to get it.
    init(_ options: EngineOptions) throws {
        model = try HMR2Model(options.hmr2, device: options.device, precision: options.precision)
        focalLengths = options.focalLengths
    }

    /// The focal length that was given for a stream, or for all.
    func focalLength(of stream: String?) -> Float? { focalLengths[stream] ?? focalLengths[nil] }

    /// The bodies, in the order of the persons; all crops of all pictures go through the network together.
    ///
    /// - Parameter forAppearance: with vertices and squares.
    func fit(_ inputs: [Input], forAppearance: Bool = false) throws -> [[FittedBody]] {
        let pictures = try inputs.map { input in
            HMR2Model.Picture(
                // Without a person in it a picture is not looked at.
                pixels: input.persons.isEmpty
                    ? try Tensor(zeros: [1, 1, 3], dtype: .uint8) : try input.image.tensor(on: model.device),
                crops: input.persons.map { PersonCrop($0.bbox) })
        }
        var squares: [Tensor] = []
        let bodies = try model.bodies(
            in: pictures, withVertices: forAppearance,
            onSquare: forAppearance ? { squares.append($0) } : nil)
        var rest = squares[...]
        return zip(zip(inputs, pictures), bodies).map { pair, bodies in
            let (input, picture) = pair
            let focalLength =
                input.focalLength
                ?? CropCamera.standardFocalLength(
                    model.cropFocalLength, width: input.image.width, height: input.image.height)
            return zip(zip(input.persons, picture.crops), bodies).map { seen, body in
                FittedBody(
                    seen: seen.0,
                    person: Self.completed(
                        seen.0, crop: seen.1, body: body, image: input.image, focalLength: focalLength),
                    body: body, crop: seen.1, square: rest.popFirst())
            }
        }
    }

    private static func completed(
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
    fileprivate init(_ box: Messages.BoundingBox) {
        self.init(x: box.x, y: box.y, width: box.width, height: box.height)
    }
}

extension DecodedImage {
    /// A copy of the pixels, (height, width, 3).
    fileprivate func tensor(on device: Device) throws(TorchError) -> Tensor {
        try withUnsafeBytes { bytes throws(TorchError) in
            try Tensor(copying: bytes, shape: [height, width, 3], dtype: .uint8, device: device)
        }
    }
}
