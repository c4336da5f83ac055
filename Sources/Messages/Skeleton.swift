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

    /// 4D-Humans' 44 keypoints on SMPL: OpenPose's BODY_25 in its order, then 19 as the data sets LSP, MPII and Human3.6M
    /// define them (`SMPL_to_J19.pkl`).
    public static let smpl44 = Skeleton(
        name: "smpl44",
        keypoints: [
            "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
            "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
            "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
            "right_small_toe", "right_heel", "lsp_right_ankle", "lsp_right_knee", "lsp_right_hip", "lsp_left_hip",
            "lsp_left_knee", "lsp_left_ankle", "lsp_right_wrist", "lsp_right_elbow", "lsp_right_shoulder",
            "lsp_left_shoulder", "lsp_left_elbow", "lsp_left_wrist", "lsp_neck", "lsp_head_top", "mpii_pelvis",
            "mpii_thorax", "h36m_spine", "h36m_jaw", "h36m_head",
        ],
        bones: [
            (0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (10, 11), (8, 12),
            (12, 13),
            (13, 14), (0, 15), (15, 17), (0, 16), (16, 18), (14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24),
        ])

    /// The skeleton of a name in an outcome; nil for a name that is not known.
    public static func named(_ name: String) -> Skeleton? { [blazepose33, smpl44].first { $0.name == name } }
}
