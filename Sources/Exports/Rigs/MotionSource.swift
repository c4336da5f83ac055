internal import Bodies
internal import Messages

/// The persons of a recording as rigs: SMPL's where there are bodies and a body model, else those of their keypoints.
struct MotionSource {
    /// The camera that took the pictures.
    struct Camera {
        /// In pixels.
        var focalLength: Double, width: Int, height: Int
        /// From its axes to what is written.
        var pose: RigidTransform
    }

    let timeline: Timeline
    /// Where it is known, and stood still.
    let camera: Camera?
    private let bodies: TrackSpool
    private let points: TrackSpool
    private let model: BodyModel?

    init(_ recording: any Recording, _ run: ExportRun, model: BodyModel?) throws {
        let world = WorldFrame(run.options, axes: .yUp)
        let (bodies, points) = (
            try TrackSpool(width: BodyTrack.width), try TrackSpool(width: 3 * BodyPoints.Point.allCases.count)
        )
        var timeline = Timeline()
        var camera: Camera?
        try run.walk(recording) { outcome in
            for person in outcome.persons {
                let (frame, seen) = (timeline.count, person.observed)
                if camera == nil, let focalLength = person.focalLength.map(Double.init) ?? run.options.focalLength {
                    camera = Camera(
                        focalLength: focalLength, width: outcome.frame.width, height: outcome.frame.height,
                        pose: world.transform(at: outcome.frame.sequence))
                }
                if model != nil,
                    let values = BodyTrack.values(of: person, skeleton: outcome.skeleton, in: outcome.frame, world)
                {
                    try bodies.append(person.trackID, frame: frame, isObserved: seen, values)
                } else if let values = try PointTrack.values(
                    of: person, skeleton: outcome.skeleton, in: outcome.frame, world)
                {
                    try points.append(person.trackID, frame: frame, isObserved: seen, values)
                }
            }
            timeline.append(outcome.frame)
        }
        self.camera = run.options.cameraPose?.isMoving == true ? nil : camera
        (self.bodies, self.points, self.timeline, self.model) = (bodies, points, timeline, model)
    }

    /// The persons, in the order in which they appeared: those with bodies first.
    var tracks: [UInt32] { bodies.tracks + points.tracks.filter { bodies.count(of: $0) == 0 } }

    /// One person.
    func motion(of track: UInt32) throws(ExportError) -> any RigMotion {
        if let model, bodies.count(of: track) > 0 {
            return BodyRig(BodyTrack(track, try bodies.samples(of: track)), model)
        }
        return PointRig(PointTrack(track, try points.samples(of: track)))
    }
}

extension ExportRun {
    /// The body model where persons have bodies and its files are there. Where they are not, the result says so.
    func bodyModelIfNeeded() throws -> BodyModel? {
        struct Found: Error {}
        do {
            for recording in recordings {
                try walk(recording, isCounted: false) { outcome in
                    if outcome.persons.contains(where: { $0.body != nil }) { throw Found() }
                }
            }
            return nil
        } catch is Found {
            guard options.body != nil else {
                summary.notes.append("no SMPL files are installed: skeletons are those of the keypoints")
                return nil
            }
            do {
                return try bodyModel()
            } catch {
                summary.notes.append("skeletons are those of the keypoints, as there is no body model: \(error)")
                return nil
            }
        }
    }
}
