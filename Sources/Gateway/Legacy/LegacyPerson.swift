internal import Bodies
internal import Exports
internal import Messages

/// The body model as the old service's answers need it.
struct LegacyBody {
    let model: BodyModel
    /// The mesh's triangles. They are the same in every answer, and a third of it.
    let faces: [UInt8]

    init(_ model: BodyModel) {
        self.model = model
        var json = JSONWriter(capacity: 6 * model.faces.count)
        json.array { json in
            for start in stride(from: 0, to: model.faces.count - 2, by: 3) {
                json.array { json in for corner in 0..<3 { json.value(model.faces[start + corner]) } }
            }
        }
        faces = json.bytes
    }

    /// The mesh of a person, in the body's own frame; nil for whom no body was fitted.
    func vertices(of person: Person) -> [SIMD3<Float>]? {
        person.smpl.map {
            model.pose(betas: $0.betas, globalOrient: $0.globalOrient, bodyPose: $0.bodyPose).vertices
        }
    }
}

/// Poses in the shape of the old service's answers.
enum LegacyPose {
    /// The person that an answer about one person is about: the surest that was seen.
    static func surest(of outcome: Outcome) -> Person? {
        outcome.persons.filter(\.observed).max { left, right in
            left.score != right.score
                ? left.score < right.score
                : left.bbox.width * left.bbox.height < right.bbox.width * right.bbox.height
        }
    }

    /// Where a person stands in the camera of the picture, and that camera's focal length in pixels. An engine that fits
    /// no body says nothing about it: then it is what puts its points where they were seen.
    static func camera(of person: Person, in frame: FrameHeader) -> (
        translation: SIMD3<Float>, focalLength: Float
    )? {
        if let translation = person.cameraTranslation, let focalLength = person.focalLength {
            return (translation, focalLength)
        }
        let focalLength = CameraFit.standardFocalLength(width: frame.width, height: frame.height)
        return CameraFit.translation(
            of: person.keypoints3D, seenAt: person.keypoints2D, focalLength: focalLength, width: frame.width,
            height: frame.height
        ).map { ($0, focalLength) }
    }
}

extension JSONWriter {
    /// Writes the answer to one picture: the members of the object, without its braces.
    ///
    /// - Parameters:
    ///   - frameNumber: the requester's own, written as it came.
    ///   - body: makes the mesh, where it is installed.
    mutating func legacyPicture(
        _ outcome: Outcome, frameNumber: LegacyScalar, body: LegacyBody?, milliseconds: Double
    ) {
        let person = LegacyPose.surest(of: outcome)
        let frame = outcome.frame
        let camera = person.flatMap { LegacyPose.camera(of: $0, in: frame) }
        key("frame_number")
        legacy(frameNumber)
        key("frame_width")
        value(frame.width)
        key("frame_height")
        value(frame.height)
        key("keypoints")
        array { json in if let person { json.legacyKeypoints(person) } }
        key("keypoint_count")
        value(person?.keypoints3D.count ?? 0)
        key("has_3d")
        value(person.map { !$0.keypoints3D.isEmpty } ?? false)
        let mesh = person.flatMap { body?.vertices(of: $0) }
        key("mesh_vertices_data")
        points(mesh ?? [], decimals: 6)
        key("mesh_faces_data")
        if mesh != nil, let body { self.json(body.faces) } else { array { _ in } }
        legacyCameras(person, camera, frame)
        key("detection")
        let view = person.map {
            CropView(
                box: $0.bbox, translation: camera?.translation ?? .zero, focalLength: camera?.focalLength ?? 0,
                width: frame.width, height: frame.height)
        }
        object { json in
            json.key("box_center")
            if let view {
                json.array { json in
                    json.value(view.center.x, decimals: 3)
                    json.value(view.center.y, decimals: 3)
                }
            } else {
                json.null()
            }
            json.key("box_size")
            if let view { json.value(view.side, decimals: 3) } else { json.null() }
            // The name is the old one; it stands for whichever detector finds the persons.
            json.key("vitdet_used")
            json.value(true)
            json.key("num_persons_detected")
            json.value(outcome.observedPersons)
        }
        key("phalp_available")
        value(true)
        key("model_version")
        text(outcome.engine)
        key("processing_time_ms")
        value(milliseconds, decimals: 3)
        key("error")
        null()
    }

    private mutating func legacyKeypoints(_ person: Person) {
        for (index, point) in person.keypoints3D.enumerated() {
            object { json in
                json.key("name")
                json.text("joint_\(index)")
                json.key("x")
                json.value(point.x, decimals: 6)
                json.key("y")
                json.value(point.y, decimals: 6)
                json.key("z")
                json.value(point.z, decimals: 6)
                json.key("confidence")
                json.value(index < person.keypoints2D.count ? person.keypoints2D[index].z : person.score, decimals: 4)
            }
        }
    }

    private mutating func legacyCameras(
        _ person: Person?, _ camera: (translation: SIMD3<Float>, focalLength: Float)?, _ frame: FrameHeader
    ) {
        guard let person, let camera else {
            for name in ["camera_translation", "camera_params", "camera_full"] as [StaticString] {
                key(name)
                null()
            }
            return
        }
        let view = CropView(
            box: person.bbox, translation: camera.translation, focalLength: camera.focalLength, width: frame.width,
            height: frame.height)
        key("camera_translation")
        legacyPoint(camera.translation)
        key("camera_params")
        object { json in
            json.key("scale")
            json.value(view.scale, decimals: 6)
            json.key("tx")
            json.value(view.shift.x, decimals: 6)
            json.key("ty")
            json.value(view.shift.y, decimals: 6)
            json.key("type")
            json.text("weak_perspective")
        }
        key("camera_full")
        object { json in
            json.legacyTranslation(camera.translation)
            json.key("focal_length")
            json.value(camera.focalLength, decimals: 3)
            json.key("img_width")
            json.value(frame.width)
            json.key("img_height")
            json.value(frame.height)
            json.key("type")
            json.text("perspective")
        }
    }

    /// Writes one frame of a video.
    ///
    /// - Parameter seconds: from the video's first frame.
    mutating func legacyFrame(_ outcome: Outcome, seconds: Double, body: LegacyBody?) {
        object { json in
            json.key("frame_number")
            json.value(outcome.frame.sequence.value)
            json.key("timestamp")
            json.value(seconds, decimals: 6)
            json.key("persons")
            json.array { json in
                for person in outcome.persons where person.observed {
                    json.legacyPerson(person, outcome.frame, body: body)
                }
            }
            if let drop = outcome.drop {
                // Not in the old answers: why nobody was looked for in this frame.
                json.key("error")
                json.text(drop.reason.rawValue)
            }
        }
    }

    private mutating func legacyPerson(_ person: Person, _ frame: FrameHeader, body: LegacyBody?) {
        object { json in
            json.key("track_id")
            json.value(person.trackID)
            json.key("confidence")
            json.value(person.score, decimals: 4)
            json.key("tracking_confidence")
            // Whoever is not known long enough may turn out to be another.
            json.value(person.state == .tentative ? person.score : 1, decimals: 4)
            json.key("smpl")
            json.object { json in
                json.key("betas")
                json.array { json in person.smpl?.betas.forEach { json.shortest($0) } }
                json.key("body_pose")
                json.legacyMatrices(person.smpl?.bodyPose ?? [])
                json.key("global_orient")
                json.legacyMatrices(person.smpl?.globalOrient ?? [])
            }
            json.key("keypoints_3d")
            json.points(person.keypoints3D, decimals: 6)
            json.key("keypoints_2d")
            json.array { json in
                for point in person.keypoints2D {
                    json.array { json in
                        json.value(point.x, decimals: 3)
                        json.value(point.y, decimals: 3)
                    }
                }
            }
            json.key("camera")
            json.object { json in
                json.legacyTranslation(LegacyPose.camera(of: person, in: frame)?.translation ?? .zero)
            }
            json.key("bbox")
            json.array { json in
                let box = person.bbox
                for edge in [box.x, box.y, box.x + box.width, box.y + box.height] { json.value(edge, decimals: 3) }
            }
            json.key("mesh_vertices")
            json.points(body?.vertices(of: person) ?? [], decimals: 6)
        }
    }

    private mutating func legacyTranslation(_ translation: SIMD3<Float>) {
        key("tx")
        value(translation.x, decimals: 6)
        key("ty")
        value(translation.y, decimals: 6)
        key("tz")
        value(translation.z, decimals: 6)
    }

    /// Rotations, three rows of three numbers each.
    private mutating func legacyMatrices(_ numbers: [Float]) {
        array { json in
            for matrix in stride(from: 0, to: numbers.count - 8, by: 9) {
                json.array { json in
                    for row in 0..<3 {
                        json.array { json in for column in 0..<3 { json.shortest(numbers[matrix + 3 * row + column]) } }
                    }
                }
            }
        }
    }

    private mutating func legacyPoint(_ point: SIMD3<Float>) {
        array { json in for axis in 0..<3 { json.value(point[axis], decimals: 6) } }
    }

    /// Writes what a requester sent, as it came.
    mutating func legacy(_ scalar: LegacyScalar) {
        switch scalar {
        case .whole(let number): value(number)
        case .number(let number): shortest(number)
        case .text(let text): self.text(text)
        case .null: null()
        }
    }
}
