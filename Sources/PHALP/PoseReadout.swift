internal import Checkpoints
internal import HMR2
internal import Tensor
internal import Weights

/// What reads a pose and a place from a token: SMPL's parameters in three steps of correction, and a perceptron.
///
/// Source: PHALP `phalp/models/heads/smpl_head.py` (`SMPLHead.forward`, pool `pooled`, without dropout) and
/// `pose_transformer_v2.py` (`readout_pose`). Of several heads the first is read, as there.
struct PoseReadout {
    private static let iterations = 3
    private static let (poseCount, betaCount, cameraCount) = (144, 10, 3)

    private let first: LinearLayer
    private let second: LinearLayer
    private let pose: LinearLayer
    private let betas: LinearLayer
    private let camera: LinearLayer
    private let location: [LinearLayer]
    private let start: (pose: Tensor, betas: Tensor, camera: Tensor)
    private let device: Device

    /// - Parameter root: what the tensors' names begin with.
    init(_ layers: CheckpointLayers, _ root: String, width: Int, folder: PHALPFolder) throws {
        let head = "\(root)smpl_head.0"
        // Few numbers that everything depends on: in 32 bits always.
        func linear(_ name: String, _ outputs: Int?, _ inputs: Int) throws -> LinearLayer {
            try layers.linear(name, outputs: outputs, inputs: inputs, precision: .fp32)
        }
        let known = Self.poseCount + Self.betaCount + Self.cameraCount
        first = try linear("\(head).fc1", nil, width + known)
        second = try linear("\(head).fc2", nil, first.outputs)
        pose = try linear("\(head).decpose", Self.poseCount, second.outputs)
        betas = try linear("\(head).decshape", Self.betaCount, second.outputs)
        camera = try linear("\(head).deccam", Self.cameraCount, second.outputs)
        let place = "\(root)loca_head.0"
        let hidden = try linear("\(place).0", nil, width)
        let further = try linear("\(place).2", nil, hidden.outputs)
        location = [hidden, further, try linear("\(place).4", 3, further.outputs)]

        let initial = ["\(head).init_body_pose", "\(head).init_betas", "\(head).init_cam"]
        if initial.allSatisfy(layers.tensors.contains) {
            start = (
                try layers.tensor(initial[0], [1, Self.poseCount]), try layers.tensor(initial[1], [1, Self.betaCount]),
                try layers.tensor(initial[2], [1, Self.cameraCount])
            )
        } else {
            guard folder.hasMeanParameters else { throw PHALPFolder.missingMeanParameters(folder.meanParameters) }
            let mean = try MeanParameters(contentsOf: folder.meanParameters)
            func row(_ values: [Float]) throws -> Tensor {
                try Tensor(floats: values, shape: [1, values.count]).to(layers.device)
            }
            start = (try row(mean.pose), try row(mean.betas), try row(mean.camera))
        }
        device = layers.device
    }

    /// Reads tokens (B, width).
    ///
    /// - Returns: 229 numbers each, as `PoseVector` has them. The camera that the head corrects with the pose is not
    ///   among them: the place is the perceptron's.
    func callAsFunction(_ tokens: Tensor) throws -> [[Float]] {
        let batch = tokens.shape[0]
        let rows = try Tensor(zeros: [batch, 1], device: device)
        var (pose, betas) = (try start.pose.plus(rows), try start.betas.plus(rows))
        var camera = try start.camera.plus(rows)
        for _ in 0..<Self.iterations {
            let known = try Tensor.concatenated([tokens, pose, betas, camera], dimension: 1)
            let hidden = try second(try first(known).rectified()).rectified()
            pose = try self.pose(hidden, plus: pose)
            betas = try self.betas(hidden, plus: betas)
            camera = try self.camera(hidden, plus: camera)
        }
        let hidden = try location[1](try location[0](tokens).rectified()).rectified()
        let places = try location[2](hidden)
        let rotations = try pose.reshaped([batch, 24, 6]).rotationMatrices().reshaped([batch, 216])
        let numbers = try Tensor.concatenated([rotations, betas, places], dimension: 1).floats()
        return (0..<batch).map { Array(numbers[($0 * PoseVector.count)..<(($0 + 1) * PoseVector.count)]) }
    }
}
