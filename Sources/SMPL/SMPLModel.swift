public import Tensor
package import Weights

/// SMPL on one device, for batches of bodies; 32-bit throughout.
///
/// Source: Loper et al. 2015, equations 2–10, in the order of smplx `lbs.py` (`lbs`, `batch_rigid_transform`).
public final class SMPLModel {
    /// A batch of posed bodies, in the body's own frame, metres.
    public struct Bodies {
        /// The mesh, (B, V, 3).
        public let vertices: Tensor
        /// The skeleton's joints, (B, 24, 3).
        public let joints: Tensor
        /// 4D-Humans' keypoints, (B, 44, 3); nil without the second regressor.
        public let keypoints: Tensor?
    }

    /// The mesh's triangles, (F, 3).
    public let faces: [Int]
    /// The number of vertices.
    public let vertexCount: Int

    private let template: Tensor  // (1, V, 3)
    private let shapeDirections: Tensor  // (10, V 3)
    private let poseDirections: Tensor  // (207, V 3)
    private let regressor: Tensor  // (24, V)
    private let weights: Tensor  // (V, 24)
    private let extraRegressor: Tensor?  // (19, V)
    private let identity: Tensor  // (1, 1, 3, 3)
    private let parents: [Int]
    private let updatesHips: Bool

    /// Puts a model on a device.
    ///
    /// - Parameters:
    ///   - extraRegressor: the 19 keypoints of `SMPL_to_J19.pkl` as weighted means of the vertices, (19, V).
    ///   - updatesHips: moves OpenPose's hips as HMR2.0b was trained with (`SMPL.UPDATE_HIPS` in its configuration).
    /// - Throws: `TorchError` where the device cannot be used, or a regressor does not fit the model.
    package init(
        _ file: SMPLFile, extraRegressor: [Float]? = nil, updatesHips: Bool = false, device: Device = .cpu
    ) throws(TorchError) {
        let (vertices, joints) = (file.vertexCount, SMPLFile.jointCount)
        func constant(_ values: [Float], _ shape: [Int]) throws(TorchError) -> Tensor {
            try Tensor(floats: values, shape: shape).to(device)
        }
        /// (V, 3, n) as (n, V 3), which a row of n numbers can be multiplied with.
        func directions(_ values: [Float], _ count: Int) throws(TorchError) -> Tensor {
            try constant(values, [3 * vertices, count]).permuted([1, 0]).contiguous()
        }
        if extraRegressor != nil, let last = SMPLKeypoints.surfaceVertices.max(), last >= vertices {
            throw TorchError(
                operation: "preparing SMPL's keypoints",
                message: "the model has \(vertices) vertices; the keypoints are defined on SMPL's 6890")
        }
        template = try constant(file.template, [1, vertices, 3])
        shapeDirections = try directions(file.shapeDirections, SMPLFile.betaCount)
        poseDirections = try directions(file.poseDirections, 9 * (joints - 1))
        regressor = try constant(file.jointRegressor, [joints, vertices])
        weights = try constant(file.skinningWeights, [vertices, joints])
        if let extraRegressor {
            self.extraRegressor = try constant(extraRegressor, [SMPLKeypoints.extraCount, vertices])
        } else {
            self.extraRegressor = nil
        }
        identity = try constant([1, 0, 0, 0, 1, 0, 0, 0, 1], [1, 1, 3, 3])
        parents = file.parents
        faces = file.faces
        vertexCount = vertices
        self.updatesHips = updatesHips
    }

    /// Poses a batch of bodies.
    ///
    /// - Parameters:
    ///   - betas: shape, (B, 10), on the model's device.
    ///   - rotations: `global_orient` and then `body_pose` as rotation matrices, (B, 24, 3, 3), on the model's device.
    /// - Throws: `TorchError` where the shapes do not fit.
    public func callAsFunction(betas: Tensor, rotations: Tensor) throws(TorchError) -> Bodies {
        let batch = betas.shape[0]
        let joints = SMPLFile.jointCount
        let shaped = try betas.matmul(shapeDirections).reshaped([batch, vertexCount, 3]).plus(template)
        let rest = try regressor.matmul(shaped)
        let bends = try rotations.narrowed(dimension: 1, start: 1, count: joints - 1).minus(identity)
        let posed = try bends.reshaped([batch, 9 * (joints - 1)]).matmul(poseDirections)
            .reshaped([batch, vertexCount, 3]).plus(shaped)

        let (turns, places) = try chain(rotations, rest)
        // Vertices turn about their joints: what a joint's turn does to its own rest place is taken off.
        let column = [batch, joints, 3, 1]
        let shifts = try places.minus(try turns.matmul(try rest.reshaped(column)).reshaped([batch, joints, 3]))
        let moves = try Tensor.concatenated(
            [turns.reshaped([batch, joints, 9]), shifts], dimension: 2)
        let blended = try weights.matmul(moves)  // (B, V, 12)
        let vertices = try skin(posed, blended, batch: batch)
        return Bodies(
            vertices: vertices, joints: places, keypoints: try keypoints(vertices: vertices, joints: places))
    }

    /// The joints' turns (B, 24, 3, 3) and places (B, 24, 3) in the body's frame, from the pelvis outwards.
    private func chain(_ rotations: Tensor, _ rest: Tensor) throws(TorchError) -> (turns: Tensor, places: Tensor) {
        let batch = rest.shape[0]
        func joint(_ tensor: Tensor, _ index: Int, _ shape: [Int]) throws(TorchError) -> Tensor {
            try tensor.narrowed(dimension: 1, start: index, count: 1).reshaped(shape)
        }
        var turns = [try joint(rotations, 0, [batch, 3, 3])]
        var places = [try joint(rest, 0, [batch, 3, 1])]
        for index in 1..<parents.count {
            let parent = parents[index]
            let bone = try joint(rest, index, [batch, 3, 1]).minus(try joint(rest, parent, [batch, 3, 1]))
            turns.append(try turns[parent].matmul(try joint(rotations, index, [batch, 3, 3])))
            places.append(try turns[parent].matmul(bone).plus(places[parent]))
        }
        return (
            try Tensor.concatenated(turns, dimension: 1).reshaped([batch, parents.count, 3, 3]),
            try Tensor.concatenated(places, dimension: 1).reshaped([batch, parents.count, 3])
        )
    }

    /// Each vertex under its own blend of turns and shifts, (B, V, 12).
    private func skin(_ posed: Tensor, _ blended: Tensor, batch: Int) throws(TorchError) -> Tensor {
        let turns = try blended.narrowed(dimension: 2, start: 0, count: 9).reshaped([batch, vertexCount, 3, 3])
        var result = try blended.narrowed(dimension: 2, start: 9, count: 3)
        // Column by column: seven thousand tiny matrix products would cost more than all the rest.
        for axis in 0..<3 {
            let column = try turns.narrowed(dimension: 3, start: axis, count: 1).reshaped([batch, vertexCount, 3])
            result = try result.plus(column.times(try posed.narrowed(dimension: 2, start: axis, count: 1)))
        }
        return result
    }

    private func keypoints(vertices: Tensor, joints: Tensor) throws(TorchError) -> Tensor? {
        guard let extraRegressor else { return nil }
        let surface = try vertices.selecting(SMPLKeypoints.surfaceVertices, dimension: 1)
        var body = try Tensor.concatenated([joints, surface], dimension: 1)
            .selecting(SMPLKeypoints.openPose, dimension: 1)
        if updatesHips { body = try movingHips(body) }
        return try Tensor.concatenated([body, extraRegressor.matmul(vertices)], dimension: 1)
    }

    /// OpenPose's hips lie further apart and lower than SMPL's.
    /// Source: 4D-Humans `smpl_wrapper.py`, `update_hips`.
    private func movingHips(_ body: Tensor) throws(TorchError) -> Tensor {
        func factor(_ value: Float) throws(TorchError) -> Tensor {
            try Tensor(floats: [value], shape: [1]).to(body.device)
        }
        let hips = try body.selecting([9, 12], dimension: 1)
        let swapped = try body.selecting([12, 9], dimension: 1)
        let middle = try body.selecting([8], dimension: 1)
        let half = try factor(0.5)
        let apart = try hips.minus(swapped).times(try factor(0.25))
        let down = try middle.minus(try hips.plus(swapped).times(half)).times(half)
        let moved = try hips.plus(apart).plus(down)
        // Behind all others, from where each is taken to its own place.
        var order = Array(0..<25)
        order[9] = 25
        order[12] = 26
        return try Tensor.concatenated([body, moved], dimension: 1).selecting(order, dimension: 1)
    }
}
