/// The names and bones behind `keypoints_2d` and `keypoints_3d`.
public struct Skeleton: Sendable {
    /// The word in the outcome's `skeleton`.
    public let name: String
    /// One name a keypoint, in order.
    public let keypoints: [String]
    /// Pairs of keypoints joined by a line.
    public let bones: [(Int, Int)]

    /// BlazePose's 33 landmarks, in its own order (Bazarevsky et al. 2020, figure 3).
    public static let blazepose33 = Skeleton(
        name: "blazepose33",
        keypoints: [
            "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
            "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
            "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
            "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
            "right_ankle", "left_heel", "right_heel", "left_foot_index", "right_foot_index",
        ],
        bones: [
            (0, 2), (2, 7), (0, 5), (5, 8), (9, 10), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (15, 17),
            (15, 19), (16, 18), (16, 20), (11, 23), (12, 24), (23, 24), (23, 25), (25, 27), (24, 26), (26, 28),
            (27, 29), (29, 31), (28, 30), (30, 32),
        ])
}
