internal import Checkpoints
internal import Foundation

/// A pose as PHALP's tracker keeps it: 229 numbers.
///
/// Source: PHALP `phalp/utils/utils.py`, `smpl_to_pose_camera_vector`.
package enum PoseVector {
    /// `global_orient` (9), `body_pose` (23 × 9), betas (10), and where the body is in the camera (x and y in metres, z
    /// in units of 200 m).
    package static let count = 229
    /// What the camera's z is divided by.
    package static let depthUnit: Float = 200

    /// Puts one together.
    ///
    /// - Parameters:
    ///   - globalOrient: 9 numbers, row-major.
    ///   - bodyPose: 207 numbers.
    ///   - betas: 10 numbers.
    ///   - translation: into the camera of the full picture, metres.
    /// - Precondition: the arrays are as long as stated.
    package static func make(
        globalOrient: [Float], bodyPose: [Float], betas: [Float], translation: SIMD3<Float>
    ) -> [Float] {
        let vector = globalOrient + bodyPose + betas + [translation.x, translation.y, translation.z / depthUnit]
        precondition(vector.count == count)
        return vector
    }
}

/// The mean and deviation that poses are normalised with.
struct PoseStatistics {
    /// 229 numbers.
    let mean: [Float]
    /// 229 numbers.
    let deviation: [Float]

    /// Reads `mean_std.npy`: two rows of at most 229 numbers each, as one array of numbers or as a NumPy array of two
    /// arrays. What is missing at the end has mean 0 and deviation 1.
    ///
    /// Source: PHALP `pose_transformer_v2.py`, `Pose_transformer_v2.__init__`.
    init(contentsOf url: URL) throws {
        let rows: [[Float]]
        switch try NumpyContent(contentsOf: url) {
        case .numbers(let array):
            let values = try array.floats()
            guard array.shape.first == 2, array.shape.dropFirst().dropLast().allSatisfy({ $0 == 1 }) else {
                throw Self.unexpected(url, "has the shape \(array.shape)")
            }
            rows = [Array(values.prefix(values.count / 2)), Array(values.suffix(values.count / 2))]
        case .objects(let objects):
            // Two arrays, or every number an object of its own.
            if objects.count == 2 {
                rows = try objects.map { try $0.array().floats() }
            } else {
                let values = try objects.map { object in
                    try object.double.map { Float($0) } ?? object.array().floats().first ?? .nan
                }
                rows = [Array(values.prefix(values.count / 2)), Array(values.suffix(values.count - values.count / 2))]
            }
        }
        guard rows[0].count == rows[1].count, (1...PoseVector.count).contains(rows[0].count) else {
            throw Self.unexpected(url, "has \(rows[0].count) and \(rows[1].count) numbers")
        }
        guard rows.joined().allSatisfy(\.isFinite), rows[1].allSatisfy({ $0 >= 0 }) else {
            throw Self.unexpected(url, "holds what is no number, or a negative deviation")
        }
        let missing = PoseVector.count - rows[0].count
        mean = rows[0] + Array(repeating: 0, count: missing)
        deviation = rows[1] + Array(repeating: 1, count: missing)
    }

    private static func unexpected(_ url: URL, _ reason: String) -> CheckpointError {
        CheckpointError(
            file: url.path, .malformed,
            "it \(reason), where a mean and a deviation of up to \(PoseVector.count) numbers each are expected")
    }

    /// A pose as the network takes it.
    func normalized(_ pose: [Float]) -> [Float] {
        pose.indices.map { (pose[$0] - mean[$0]) / (deviation[$0] + 1e-10) }
    }
}
