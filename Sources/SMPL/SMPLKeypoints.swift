internal import Tensor

/// 4D-Humans' 44 keypoints: 25 in the order of OpenPose's BODY_25, then 19 that a second regressor takes from the
/// vertices (`SMPL_to_J19.pkl`).
///
/// Source: 4D-Humans `hmr2/models/smpl_wrapper.py` (`smpl_to_openpose`, `update_hips`); smplx `vertex_ids.py` and
/// `vertex_joint_selector.py` (the 21 vertices on the surface).
public struct SMPLKeypoints {
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
    private static let (middleHip, rightHip, leftHip) = (8, 9, 12)

    // Kept on the device: what is sent there for each call keeps it waiting.
    private let surface: Tensor  // (21): places of vertices
    private let body: Tensor  // (25, 45)
    private let extra: Tensor  // (19, V)

    /// - Throws: `TorchError` where a regressor or the model has not SMPL's vertices, or the device cannot be used.
    init(extraRegressor: [Float], vertexCount: Int, updatesHips: Bool, device: Device) throws(TorchError) {
        if let last = Self.surfaceVertices.max(), last >= vertexCount {
            throw TorchError(
                operation: "preparing SMPL's keypoints",
                message: "the model has \(vertexCount) vertices; the keypoints are defined on SMPL's 6890")
        }
        let points = 24 + Self.surfaceVertices.count
        surface = try Tensor(integers: Self.surfaceVertices, shape: [Self.surfaceVertices.count], device: device)
        body = try Tensor(
            floats: Self.bodyWeights(points: points, updatesHips: updatesHips), shape: [Self.openPose.count, points],
            device: device)
        extra = try Tensor(floats: extraRegressor, shape: [Self.extraCount, vertexCount], device: device)
    }

    /// (B, 44, 3) of meshes (B, V, 3) and joints (B, 24, 3).
    func callAsFunction(vertices: Tensor, joints: Tensor) throws(TorchError) -> Tensor {
        let points = try Tensor.concatenated([joints, vertices.taking(surface, dimension: 1)], dimension: 1)
        return try Tensor.concatenated([body.matmul(points), extra.matmul(vertices)], dimension: 1)
    }

    /// What each joint and surface point counts in each of BODY_25's keypoints, row by row.
    private static func bodyWeights(points: Int, updatesHips: Bool) -> [Float] {
        var weights = [Float](repeating: 0, count: openPose.count * points)
        for (keypoint, point) in openPose.enumerated() { weights[keypoint * points + point] = 1 }
        guard updatesHips else { return weights }
        // OpenPose's hips lie further apart and lower than SMPL's: with the other hip and the middle between them,
        // hip + (hip - other) / 4 + (middle - (hip + other) / 2) / 2.
        for (hip, other) in [(rightHip, leftHip), (leftHip, rightHip)] {
            weights[hip * points + openPose[hip]] = 1
            weights[hip * points + openPose[other]] = -0.5
            weights[hip * points + openPose[middleHip]] = 0.5
        }
        return weights
    }
}
