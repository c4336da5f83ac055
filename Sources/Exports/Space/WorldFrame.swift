internal import Messages
internal import Refinement

/// A rotation, then a shift, metres.
struct RigidTransform: Sendable, Equatable {
    var rotation: Rotation
    var translation: SIMD3<Double>

    static let identity = RigidTransform(rotation: .identity, translation: .zero)

    func callAsFunction(_ point: SIMD3<Double>) -> SIMD3<Double> { rotation(point) + translation }

    /// First the right one, then the left one.
    static func * (left: RigidTransform, right: RigidTransform) -> RigidTransform {
        RigidTransform(
            rotation: left.rotation * right.rotation, translation: left(right.translation))
    }
}

/// The frame in which places are written: the camera's turned upright, or the world's.
struct WorldFrame {
    /// Which axes a format is written in.
    enum Axes {
        /// y up, z towards the viewer.
        case yUp
        /// z up.
        case zUp
        /// The camera's own, or the world's as the camera's pose has them.
        case asGiven
    }

    private let cameraPose: CameraPose?
    private let focalLength: Double?
    private let upright: Rotation

    init(_ options: ExportOptions, axes: Axes) {
        cameraPose = options.cameraPose
        focalLength = options.focalLength
        let up = options.cameraPose?.up ?? .minusY
        upright =
            switch (up, axes) {
            case (_, .asGiven), (.y, .yUp), (.z, .zUp): .identity
            case (.minusY, .yUp): Rotation(exp: SIMD3(.pi, 0, 0))
            case (.z, .yUp), (.minusY, .zUp): Rotation(exp: SIMD3(-.pi / 2, 0, 0))
            case (.y, .zUp): Rotation(exp: SIMD3(.pi / 2, 0, 0))
            }
    }

    /// From the camera of a frame to what is written.
    func transform(at sequence: SequenceNumber) -> RigidTransform {
        let turned = RigidTransform(rotation: upright, translation: .zero)
        return cameraPose.map { turned * $0.transform(at: sequence.value) } ?? turned
    }

    /// Where the body's frame stands in the camera's, metres; nil where the engine does not say and no focal length is
    /// given.
    func place(of person: Person, in frame: FrameHeader) -> SIMD3<Double>? {
        if let translation = person.cameraTranslation { return SIMD3<Double>(translation) }
        guard let focalLength else { return nil }
        return PersonPlace.estimated(
            person, focalLength: focalLength, width: frame.width, height: frame.height)
    }

    /// As `place`, for a format that cannot do without where there is a camera's pose: in the middle of the camera's own
    /// frame otherwise.
    ///
    /// - Throws: `ExportError` where there is a camera's pose and no place.
    func requiredPlace(of person: Person, in frame: FrameHeader) throws(ExportError) -> SIMD3<Double> {
        if let place = place(of: person, in: frame) { return place }
        guard cameraPose == nil else {
            throw ExportError(
                .badRequest,
                "the persons have no place in front of the camera, as their engine has no camera model; --focal-length "
                    + "PIXELS lets it be worked out from their keypoints")
        }
        return .zero
    }

    /// The keypoints of each person, where they are in what is written, metres.
    func keypoints(of outcome: Outcome) throws(ExportError) -> [[SIMD3<Float>]] {
        let transform = transform(at: outcome.frame.sequence)
        var result: [[SIMD3<Float>]] = []
        for person in outcome.persons {
            let place = try requiredPlace(of: person, in: outcome.frame)
            result.append(person.keypoints3D.map { SIMD3<Float>(transform(SIMD3<Double>($0) + place)) })
        }
        return result
    }
}

/// Where a person stands whose engine says only how the body is shaped.
enum PersonPlace {
    /// The translation with which the body's keypoints fall on those in the picture, in the least-squares sense: for each
    /// keypoint, f (X + t_x) = u (Z + t_z) and the same for y, which is linear in t. Keypoints count as they are seen.
    ///
    /// - Returns: metres; nil where the keypoints do not determine it, or put the person behind the camera.
    static func estimated(_ person: Person, focalLength: Double, width: Int, height: Int) -> SIMD3<Double>? {
        // Normal equations of rows [f, 0, -u], right-hand side u Z - f X.
        var (a, b) = ([SIMD3<Double>](repeating: .zero, count: 3), SIMD3<Double>.zero)
        for (seen, point) in zip(person.keypoints2D, person.keypoints3D) where seen.z > 0.3 {
            let weight = Double(seen.z)
            let offsets = [Double(seen.x) - Double(width) / 2, Double(seen.y) - Double(height) / 2]
            for axis in 0..<2 {
                var row = SIMD3<Double>.zero
                row[axis] = focalLength
                row.z = -offsets[axis]
                let value = offsets[axis] * Double(point.z) - focalLength * Double(point[axis])
                for index in 0..<3 { a[index] += weight * row[index] * row }
                b += weight * value * row
            }
        }
        // a is symmetric: its rows are its columns.
        let determinant = (a[0] * a[1].cross(a[2])).sum()
        guard determinant.magnitude > 1e-6 * focalLength * focalLength else { return nil }
        let solution =
            (b.x * a[1].cross(a[2]) + b.y * a[2].cross(a[0]) + b.z * a[0].cross(a[1])) / determinant
        return solution.z > 0 && solution.z.isFinite ? solution : nil
    }
}
