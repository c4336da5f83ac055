internal import Tensor
internal import Weights

/// SMPL in libtorch's operations, on any device.
///
/// Source: Loper et al. 2015, equations 2–10, in the order of smplx `lbs.py` (`lbs`, `batch_rigid_transform`).
struct TensorPoser: SMPLPoser {
    private let template: Tensor  // (1, V, 3)
    private let shapeDirections: Tensor  // (10, V 3)
    private let poseDirections: Tensor  // (207, V 3)
    private let regressor: Tensor  // (24, V)
    private let weights: Tensor  // (V, 24)
    private let identity: Tensor  // (1, 1, 3, 3)
    private let parents: [Int]
    private let vertexCount: Int

    init(_ file: SMPLFile, device: Device) throws(TorchError) {
        let (vertices, joints) = (file.vertexCount, SMPLFile.jointCount)
        func constant(_ values: [Float], _ shape: [Int]) throws(TorchError) -> Tensor {
            try Tensor(floats: values, shape: shape).to(device)
        }
        /// (V, 3, n) as (n, V 3), which a row of n numbers can be multiplied with.
        func directions(_ values: [Float], _ count: Int) throws(TorchError) -> Tensor {
            try constant(values, [3 * vertices, count]).permuted([1, 0]).contiguous()
        }
        template = try constant(file.template, [1, vertices, 3])
        shapeDirections = try directions(file.shapeDirections, SMPLFile.betaCount)
        poseDirections = try directions(file.poseDirections, 9 * (joints - 1))
        regressor = try constant(file.jointRegressor, [joints, vertices])
        weights = try constant(file.skinningWeights, [vertices, joints])
        identity = try constant([1, 0, 0, 0, 1, 0, 0, 0, 1], [1, 1, 3, 3])
        parents = file.parents
        vertexCount = vertices
    }

    func pose(betas: Tensor, rotations: Tensor) throws -> (vertices: Tensor, joints: Tensor) {
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
        return (try skin(posed, blended, batch: batch), places)
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
}
