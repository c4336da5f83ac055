internal import Messages

/// One person's keypoints from the first frame to the last. Frames between in which nothing is known of the person are
/// filled on straight lines.
struct PointTrack {
    let id: UInt32
    private let samples: [TrackSpool.Sample]

    init(_ id: UInt32, _ samples: [TrackSpool.Sample]) {
        self.id = id
        self.samples = samples
    }

    /// What is put aside of a person: the points of `BodyPoints` in what is written, metres.
    static func values(
        of person: Person, skeleton: String, in frame: FrameHeader, _ world: WorldFrame
    ) throws(ExportError) -> [Float]? {
        guard let points = BodyPoints(person.keypoints3D, skeleton: skeleton) else { return nil }
        let transform = world.transform(at: frame.sequence)
        let place = try world.requiredPlace(of: person, in: frame)
        let values = points.points.map { SIMD3<Float>(transform($0 + place)) }
        guard values.allSatisfy({ $0.x.isFinite && $0.y.isFinite && $0.z.isFinite }) else { return nil }
        return values.flatMap { [$0.x, $0.y, $0.z] }
    }

    var frames: ClosedRange<Int> { samples[0].frame...samples[samples.count - 1].frame }

    /// Calls `body` with the points of each frame, in order.
    func forEachFrame(_ body: (BodyPoints) throws -> Void) rethrows {
        var before = Self.points(samples[0])
        for (place, sample) in samples.enumerated() {
            let points = Self.points(sample)
            let gap = place == 0 ? 0 : sample.frame - samples[place - 1].frame
            for step in stride(from: 1, to: gap, by: 1) {
                let share = Double(step) / Double(gap)
                try body(BodyPoints(points: zip(before.points, points.points).map { $0 + share * ($1 - $0) }))
            }
            try body(points)
            before = points
        }
    }

    private static func points(_ sample: TrackSpool.Sample) -> BodyPoints {
        let values = sample.values.map(Double.init)
        return BodyPoints(
            points: stride(from: 0, to: values.count, by: 3).map {
                SIMD3(values[$0], values[$0 + 1], values[$0 + 2])
            })
    }
}

/// The points of a body that every skeleton here has, or from which they follow.
struct BodyPoints: Equatable {
    enum Point: Int, CaseIterable {
        case leftHip, rightHip, leftKnee, rightKnee, leftAnkle, rightAnkle, leftToe, rightToe
        case leftShoulder, rightShoulder, leftElbow, rightElbow, leftWrist, rightWrist, leftFingers, rightFingers
        case leftEar, rightEar, nose
    }

    /// One for each `Point`.
    let points: [SIMD3<Double>]

    init(points: [SIMD3<Double>]) {
        self.points = points
    }

    /// The points of a known skeleton; nil for another.
    init?(_ keypoints: [SIMD3<Float>], skeleton: String) {
        guard let names = Skeleton.named(skeleton)?.keypoints, keypoints.count == names.count else { return nil }
        let places = Self.places[skeleton] ?? []
        points = places.map { places in
            places.reduce(.zero) { $0 + SIMD3<Double>(keypoints[$1]) } / Double(places.count)
        }
    }

    subscript(point: Point) -> SIMD3<Double> { points[point.rawValue] }

    /// For each point the keypoints whose middle it is.
    private static let places: [String: [[Int]]] = {
        func names(_ skeleton: Skeleton, toe: String, fingers: [String]) -> [[Int]] {
            Point.allCases.map { point in
                let words = "\(point)"
                let side = words.hasPrefix("left") ? "left" : "right"
                let wanted: [String] =
                    switch point {
                    case .leftToe, .rightToe: ["\(side)_\(toe)"]
                    case .leftFingers, .rightFingers: fingers.map { "\(side)_\($0)" }
                    case .nose: ["nose"]
                    default: ["\(side)_\(words.dropFirst(side.count).lowercased())"]
                    }
                return wanted.map { name in
                    guard let place = skeleton.keypoints.firstIndex(of: name) else {
                        preconditionFailure("\(skeleton.name) has no \(name)")
                    }
                    return place
                }
            }
        }
        return [
            Skeleton.blazepose33.name: names(.blazepose33, toe: "foot_index", fingers: ["index", "pinky"]),
            // SMPL's keypoints end at the wrists.
            Skeleton.smpl44.name: names(.smpl44, toe: "big_toe", fingers: ["wrist"]),
        ]
    }()
}
