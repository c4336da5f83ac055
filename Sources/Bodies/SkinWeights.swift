/// How much each joint moves each vertex. Published models have four joints a vertex, so only those are kept.
struct SkinWeights: Sendable {
    private let starts: [Int32]
    private let joints: [Int32]
    private let weights: [Float]

    /// From a dense matrix, (V, joints).
    init(_ dense: [Float], joints count: Int) {
        var starts: [Int32] = [0]
        var joints: [Int32] = []
        var weights: [Float] = []
        for vertex in 0..<(dense.count / count) {
            for joint in 0..<count where dense[vertex * count + joint] != 0 {
                joints.append(Int32(joint))
                weights.append(dense[vertex * count + joint])
            }
            starts.append(Int32(joints.count))
        }
        (self.starts, self.joints, self.weights) = (starts, joints, weights)
    }

    /// What moves one vertex.
    func joints(of vertex: Int) -> [(joint: Int, weight: Float)] {
        (Int(starts[vertex])..<Int(starts[vertex + 1])).map { (Int(joints[$0]), weights[$0]) }
    }

    /// Each vertex under its own blend of the joints' movements.
    func move(_ mesh: [Float], _ movements: [JointTransform]) -> [SIMD3<Float>] {
        let vertices = starts.count - 1
        return [SIMD3<Float>](unsafeUninitializedCapacity: vertices) { result, count in
            mesh.withUnsafeBufferPointer { mesh in
                movements.withUnsafeBufferPointer { movements in
                    for vertex in 0..<vertices {
                        var (x, y, z, shift) = (
                            SIMD3<Float>.zero, SIMD3<Float>.zero, SIMD3<Float>.zero, SIMD3<Float>.zero
                        )
                        for entry in Int(starts[vertex])..<Int(starts[vertex + 1]) {
                            let movement = movements[Int(joints[entry])]
                            let weight = weights[entry]
                            x += weight * movement.turn.x
                            y += weight * movement.turn.y
                            z += weight * movement.turn.z
                            shift += weight * movement.place
                        }
                        result[vertex] =
                            mesh[3 * vertex] * x + mesh[3 * vertex + 1] * y + mesh[3 * vertex + 2] * z + shift
                    }
                }
            }
            count = vertices
        }
    }
}

/// Adds the rows of a matrix (n, columns), each times its own factor, to a row. Block by block, so that the sum stays in
/// the fastest cache while the matrix streams past it.
func addRows(of matrix: [Float], _ factors: [Float], to sum: inout [Float]) {
    typealias Lanes = SIMD16<Float>
    let columns = sum.count
    let lanes = Lanes.scalarCount
    let block = 128 * lanes
    sum.withUnsafeMutableBytes { sum in
        matrix.withUnsafeBytes { matrix in
            for first in stride(from: 0, to: columns, by: block) {
                let last = min(first + block, columns)
                for (row, factor) in factors.enumerated() where factor != 0 {
                    var column = first
                    while column + lanes <= last {
                        let values = matrix.loadUnaligned(fromByteOffset: 4 * (row * columns + column), as: Lanes.self)
                        let before = sum.loadUnaligned(fromByteOffset: 4 * column, as: Lanes.self)
                        sum.storeBytes(of: before + values * factor, toByteOffset: 4 * column, as: Lanes.self)
                        column += lanes
                    }
                    while column < last {
                        let value = matrix.load(fromByteOffset: 4 * (row * columns + column), as: Float.self)
                        let before = sum.load(fromByteOffset: 4 * column, as: Float.self)
                        sum.storeBytes(of: before + value * factor, toByteOffset: 4 * column, as: Float.self)
                        column += 1
                    }
                }
            }
        }
    }
}
