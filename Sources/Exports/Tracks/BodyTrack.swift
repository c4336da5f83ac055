internal import Bodies
internal import Messages
internal import Refinement

/// One person's SMPL parameters from the first frame to the last. Frames between in which nothing is known of the person
/// are filled: rotations by slerp, places on a straight line.
struct BodyTrack {
    /// What is put aside of one person in one frame: betas, 24 rotation matrices of which the first is turned into the
    /// frame of what is written, the pelvis there, and the pelvis of the shape at rest.
    static let width = 10 + 216 + 3 + 3

    let id: UInt32
    private let samples: [TrackSpool.Sample]
    /// The shape: the mean of the frames in which the person was seen.
    let betas: [Float]
    /// The pelvis of that shape at rest, in the body's frame.
    let restPelvis: SIMD3<Double>

    init(_ id: UInt32, _ samples: [TrackSpool.Sample]) {
        self.id = id
        self.samples = samples
        let seen = samples.contains(where: \.isObserved) ? samples.filter(\.isObserved) : samples
        func mean(_ places: Range<Int>) -> [Double] {
            places.map { place in seen.reduce(0) { $0 + Double($1.values[place]) } / Double(seen.count) }
        }
        betas = mean(0..<10).map { Float($0) }
        // The regressor is linear: the mean of the pelvises is that of the mean shape.
        let pelvis = mean(229..<232)
        restPelvis = SIMD3(pelvis[0], pelvis[1], pelvis[2])
    }

    /// What is put aside of a person; nil without a body.
    static func values(of person: Person, skeleton: String, in frame: FrameHeader, _ world: WorldFrame) -> [Float]? {
        guard let smpl = person.body, skeleton == Skeleton.smpl44.name, person.keypoints3D.count > 8 else { return nil }
        let transform = world.transform(at: frame.sequence)
        // BODY_25's middle of the hips is SMPL's pelvis, which the pose does not move.
        let rest = person.keypoints3D[8]
        let pelvis = transform(SIMD3<Double>(rest) + SIMD3<Double>(person.cameraTranslation ?? .zero))
        let orient = transform.rotation * Rotation(rowMajor: smpl.globalOrient)
        let values =
            smpl.betas + orient.rowMajor + smpl.bodyPose + [Float(pelvis.x), Float(pelvis.y), Float(pelvis.z)]
            + [rest.x, rest.y, rest.z]
        return values.allSatisfy(\.isFinite) ? values : nil
    }

    /// The frames it spans.
    var frames: ClosedRange<Int> { samples[0].frame...samples[samples.count - 1].frame }

    /// One frame of it.
    struct Frame {
        /// From each joint's parent, 24; the first in what is written.
        var turns: [Rotation]
        /// In what is written, metres.
        var pelvis: SIMD3<Double>
        var isObserved: Bool
        var isFilled: Bool
    }

    /// Calls `body` with each frame, in order.
    func forEachFrame(_ body: (Frame) throws -> Void) rethrows {
        var before = Self.frame(samples[0])
        for (place, sample) in samples.enumerated() {
            let frame = Self.frame(sample)
            let gap = place == 0 ? 0 : sample.frame - samples[place - 1].frame
            for step in stride(from: 1, to: gap, by: 1) {
                let share = Double(step) / Double(gap)
                try body(
                    Frame(
                        turns: zip(before.turns, frame.turns).map { $0.interpolated(to: $1, share: share) },
                        pelvis: before.pelvis + share * (frame.pelvis - before.pelvis), isObserved: false,
                        isFilled: true))
            }
            try body(frame)
            before = frame
        }
    }

    private static func frame(_ sample: TrackSpool.Sample) -> Frame {
        let values = sample.values
        return Frame(
            turns: (0..<24).map { Rotation(rowMajor: values[(10 + 9 * $0)..<(19 + 9 * $0)]) },
            pelvis: SIMD3(Double(values[226]), Double(values[227]), Double(values[228])),
            isObserved: sample.isObserved, isFilled: false)
    }
}
