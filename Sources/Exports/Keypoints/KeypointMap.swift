internal import Messages

/// The keypoints of another skeleton, taken from those of ours: each the middle of those named, or missing.
struct KeypointMap {
    /// For each keypoint the places of those it is the middle of; none where there is no such point.
    private let places: [[Int]]

    var count: Int { places.count }

    private init(_ skeleton: Skeleton, _ names: [[String]]) {
        places = names.map { names in
            names.map { name in
                guard let place = skeleton.keypoints.firstIndex(of: name) else {
                    preconditionFailure("\(skeleton.name) has no \(name)")
                }
                return place
            }
        }
    }

    /// x, y and score of each keypoint; nil where it is missing or no number. The score of a middle is that of the less
    /// certain.
    func points(_ keypoints: [SIMD3<Float>]) -> [SIMD3<Float>?] {
        places.map { places in
            guard !places.isEmpty, places.allSatisfy({ $0 < keypoints.count }) else { return nil }
            var point = places.reduce(SIMD3<Float>.zero) { $0 + keypoints[$1] } / Float(places.count)
            point.z = places.map { keypoints[$0].z }.min() ?? 0
            return point.x.isFinite && point.y.isFinite && point.z.isFinite ? point : nil
        }
    }

    /// OpenPose's BODY_25. smpl44 begins with exactly these.
    static func body25(from skeleton: String) -> KeypointMap? { body25[skeleton] }
    /// COCO's 17.
    static func coco(from skeleton: String) -> KeypointMap? { coco[skeleton] }

    private static let body25: [String: KeypointMap] = [
        Skeleton.smpl44.name: KeypointMap(.smpl44, Skeleton.smpl44.keypoints.prefix(25).map { [$0] }),
        Skeleton.blazepose33.name: KeypointMap(
            .blazepose33,
            Skeleton.smpl44.keypoints.prefix(25).map { name in
                switch name {
                case "neck": ["left_shoulder", "right_shoulder"]
                case "mid_hip": ["left_hip", "right_hip"]
                case "left_big_toe": ["left_foot_index"]
                case "right_big_toe": ["right_foot_index"]
                // BlazePose has one point for the toes.
                case "left_small_toe", "right_small_toe": []
                default: [name]
                }
            }),
    ]

    /// Source: Lin et al., "Microsoft COCO", 2014; the category `person` of its keypoint annotations.
    static let cocoNames = [
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
        "right_ankle",
    ]

    private static let coco: [String: KeypointMap] = [
        Skeleton.smpl44.name: KeypointMap(.smpl44, cocoNames.map { [$0] }),
        Skeleton.blazepose33.name: KeypointMap(.blazepose33, cocoNames.map { [$0] }),
    ]
}
