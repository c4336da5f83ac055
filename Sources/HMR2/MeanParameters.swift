internal import Checkpoints
package import Foundation

/// The mean pose, shape and camera of `smpl_mean_params.npz`.
package struct MeanParameters: Sendable {
    /// 24 rotations of six numbers each.
    package let pose: [Float]
    /// 10 numbers.
    package let betas: [Float]
    /// Scale, and the shift right and down.
    package let camera: [Float]

    /// Reads a file.
    ///
    /// - Throws: `CheckpointError` naming the file and the array that is missing or of another size.
    package init(contentsOf url: URL) throws {
        let archive = try NumpyArchive(contentsOf: url)
        func values(_ name: String, _ count: Int) throws -> [Float] {
            let array = try archive.array(name)
            guard array.count == count else {
                throw CheckpointError(
                    file: url.path, .malformed, "\(name) has the shape \(array.shape) where [\(count)] is expected")
            }
            return try array.floats()
        }
        pose = try values("pose", PoseDecoder.poseCount)
        betas = try values("shape", PoseDecoder.betaCount)
        camera = try values("cam", PoseDecoder.cameraCount)
    }
}
