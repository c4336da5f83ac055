/// 4D-Humans' 44 keypoints: 25 in the order of OpenPose's BODY_25, then 19 that a second regressor takes from the
/// vertices (`SMPL_to_J19.pkl`).
///
/// Source: 4D-Humans `hmr2/models/smpl_wrapper.py` (`smpl_to_openpose`, `update_hips`); smplx `vertex_ids.py` and
/// `vertex_joint_selector.py` (the 21 vertices on the surface).
public enum SMPLKeypoints {
    /// How many there are.
    public static let count = 44
    /// How many of them the second regressor gives.
    public static let extraCount = 19

    /// Vertices of SMPL's mesh that stand for points on the surface: nose, eyes and ears (right first), toes and heels
    /// (left first: big toe, small toe, heel), finger tips (left first: thumb to little finger).
    public static let surfaceVertices = [
        332, 6260, 2800, 4071, 583,
        3216, 3226, 3387, 6617, 6624, 6787,
        2746, 2319, 2445, 2556, 2673, 6191, 5782, 5905, 6016, 6133,
    ]

    /// For each keypoint of BODY_25 its place among the 24 joints and the 21 surface points after them.
    static let openPose = [24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34]
}
