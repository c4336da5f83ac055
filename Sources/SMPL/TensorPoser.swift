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
    private let skeleton: Skeleton
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
        skeleton = try Skeleton(parents: file.parents, device: device)
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

        let (turns, places) = try skeleton.pose(rotations, rest)
        // Vertices turn about their joints: what a joint's turn does to its own rest place is taken off.
        let column = [batch, joints, 3, 1]
        let shifts = try places.minus(try turns.matmul(try rest.reshaped(column)).reshaped([batch, joints, 3]))
        let moves = try Tensor.concatenated(
            [turns.reshaped([batch, joints, 9]), shifts], dimension: 2)
        let blended = try weights.matmul(moves)  // (B, V, 12)
        return (try skin(posed, blended, batch: batch), places)
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

/// The tree of joints, on the device.
///
/// Joints equally far from the pelvis move together: a GPU takes as long for one small product as for many.
private struct Skeleton {
    private struct Generation {
        let joints: Tensor  // (n)
        let parents: Tensor  // (n): places in the generation before
    }

    private let parents: Tensor  // (24): the pelvis' is itself
    private let hangs: Tensor  // (24, 1): 0 for the pelvis and 1 for what hangs on something
    private let lastRow: Tensor  // (1, 1, 1, 4)
    private let generations: [Generation]  // Behind the pelvis.
    private let order: Tensor  // (24): where each joint is among the generations
    private let device: Device

    init(parents: [Int], device: Device) throws(TorchError) {
        func places(_ values: [Int]) throws(TorchError) -> Tensor {
            try Tensor(integers: values, shape: [values.count], device: device)
        }
        var generations: [Generation] = []
        var before = [0]
        var all = before
        while true {
            let next = parents.indices.dropFirst().filter { before.contains(parents[$0]) }
            guard !next.isEmpty else { break }
            let hooks = next.map { joint in before.firstIndex(of: parents[joint]) ?? 0 }
            generations.append(Generation(joints: try places(next), parents: try places(hooks)))
            all += next
            before = next
        }
        self.generations = generations
        self.parents = try places([0] + parents.dropFirst())
        hangs = try Tensor(
            floats: parents.indices.map { $0 == 0 ? 0 : 1 }, shape: [parents.count, 1], device: device)
        lastRow = try Tensor(floats: [0, 0, 0, 1], shape: [1, 1, 1, 4], device: device)
        order = try places(parents.indices.map { joint in all.firstIndex(of: joint) ?? 0 })
        self.device = device
    }

    /// The joints' turns (B, 24, 3, 3) and places (B, 24, 3) in the body's frame.
    func pose(_ rotations: Tensor, _ rest: Tensor) throws(TorchError) -> (turns: Tensor, places: Tensor) {
        let (batch, joints) = (rest.shape[0], rest.shape[1])
        let bones = try rest.minus(rest.taking(parents, dimension: 1).times(hangs))
        let rows = try Tensor.concatenated([rotations, bones.reshaped([batch, joints, 3, 1])], dimension: 3)
        let last = try Tensor(zeros: [batch, joints, 1, 4], device: device).plus(lastRow)
        let own = try Tensor.concatenated([rows, last], dimension: 2)  // (B, 24, 4, 4)
        var movements = [try own.narrowed(dimension: 1, start: 0, count: 1)]
        for generation in generations {
            let before = try movements[movements.count - 1].taking(generation.parents, dimension: 1)
            movements.append(try before.matmul(own.taking(generation.joints, dimension: 1)))
        }
        let all = try Tensor.concatenated(movements, dimension: 1).taking(order, dimension: 1)
            .narrowed(dimension: 2, start: 0, count: 3)
        return (
            try all.narrowed(dimension: 3, start: 0, count: 3),
            try all.narrowed(dimension: 3, start: 3, count: 1).reshaped([batch, joints, 3])
        )
    }
}
