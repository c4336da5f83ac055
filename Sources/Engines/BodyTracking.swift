internal import BlazePose
internal import HMR2
internal import JPEG
internal import Messages
internal import PHALP
internal import Tensor
internal import Tracking

/// How persons with bodies are told apart.
protocol BodyTracking: TrackingModel {
    /// Whether it looks at vertices, crops and masks.
    var needsSurfaces: Bool { get }

    /// What the persons of one picture look like, in their order.
    ///
    /// - Parameter masks: of each, where `needsSurfaces`.
    func appearances(
        of bodies: [BodyFitter.FittedBody], masks: [PersonMask?], in image: DecodedImage
    ) throws -> [Appearance]
}

extension ColourTracking: BodyTracking {
    var needsSurfaces: Bool { false }

    func appearances(
        of bodies: [BodyFitter.FittedBody], masks: [PersonMask?], in image: DecodedImage
    ) -> [PartColours] {
        bodies.map { PartColours($0.seen, image: image, layout: .blazepose33) }
    }
}

/// The tracker's terms as PHALP's networks give them: the texture of the body's surface, and a pose that goes on as a
/// transformer expects.
struct PHALPTracking: BodyTracking {
    let model: PHALPModel
    /// A surface of which nothing was seen: it differs from none.
    private let unseen: Tensor

    init(model: PHALPModel) throws {
        self.model = model
        let size = AppearanceEncoder.size
        let colour = [Float](repeating: 0, count: 3 * size * size)
        unseen = try Tensor(
            floats: colour + [Float](repeating: -1, count: size * size), shape: [4, size, size]
        ).to(model.device)
    }

    var needsSurfaces: Bool { true }

    func appearances(
        of bodies: [BodyFitter.FittedBody], masks: [PersonMask?], in image: DecodedImage
    ) throws -> [Tensor] {
        let persons = try zip(bodies, masks).map { fitted, mask in
            guard let square = fitted.square else {
                preconditionFailure("PHALP was given a body without the crop that it was seen in")
            }
            let pixels = try Tensor(
                floats: fitted.crop.pixels(of: mask), shape: [1, PersonCrop.size, PersonCrop.size]
            ).to(square.device)
            return try PHALPModel.Person(
                vertices: fitted.body.vertices, camera: fitted.body.camera,
                crop: try Tensor.concatenated([square, pixels], dimension: 0))
        }
        return try model.appearances(of: persons).map(\.texture)
    }

    func distances(_ tracks: [Tensor], _ detections: [Tensor]) throws -> [[Double]] {
        try model.pairDistances(tracks: tracks, detections: detections).map { $0.map(Double.init) }
    }

    func mixed(_ old: Tensor, with new: Tensor, confidence: Double) throws -> Tensor {
        try model.mixed(old: old, new: new, confidence: Float(confidence))
    }

    func poses(_ histories: [[TrackObservation]], at times: [Int]) throws -> [[Float]] {
        let asked = zip(histories, times).map { history, time in
            PoseHistory(
                poses: history.map { observation in
                    let place = SIMD3<Float>(observation.camera)
                    return observation.pose + [place.x, place.y, place.z / PoseVector.depthUnit]
                },
                frames: history.map(\.time), framesSince: max(0, time - 1 - (history.last?.time ?? time)))
        }
        // What is compared is the pose alone, without the place.
        return try model.predictPoses(histories: asked, reading: .ownFrame).map { Array($0.dropLast(3)) }
    }

    /// A texture is a megabyte, which is no baggage for every outcome: who goes on with a session learns it anew, and goes by
    /// place and pose until then.
    func bytes(_ appearance: Tensor) -> [UInt8] { [] }

    func appearance(bytes: [UInt8]) -> Tensor? { bytes.isEmpty ? unseen : nil }
}

extension PersonCrop {
    /// Which of the square's 256 × 256 pixels are the person's, 0 or 1; all where there is no mask.
    fileprivate func pixels(of mask: PersonMask?) -> [Float] {
        guard let mask else { return [Float](repeating: 1, count: Self.size * Self.size) }
        let step = side / Float(Self.size)
        let half = Float(Self.size) / 2
        var pixels: [Float] = []
        pixels.reserveCapacity(Self.size * Self.size)
        for row in 0..<Self.size {
            let y = centerY + (Float(row) - half) * step
            for column in 0..<Self.size {
                let x = centerX + (Float(column) - half) * step
                pixels.append(mask.probability(atX: x, y: y) > 0.5 ? 1 : 0)
            }
        }
        return pixels
    }
}
