/// How much each joint moves each vertex. Published models have four joints a vertex, so only those are kept.
struct SkinWeights: Sendable {
    private struct Influence {
        let joint: Int32
        let weight: Float
    }

    private let starts: [Int32]
    private let influences: [Influence]

    /// From a dense matrix, (V, joints).
    init(_ dense: [Float], joints count: Int) {
        var starts: [Int32] = [0]
        var influences: [Influence] = []
        for vertex in 0..<(dense.count / count) {
            for joint in 0..<count where dense[vertex * count + joint] != 0 {
                influences.append(Influence(joint: Int32(joint), weight: dense[vertex * count + joint]))
            }
            starts.append(Int32(influences.count))
        }
        (self.starts, self.influences) = (starts, influences)
    }

    /// What moves one vertex.
    func joints(of vertex: Int) -> [(joint: Int, weight: Float)] {
        influences[Int(starts[vertex])..<Int(starts[vertex + 1])].map { (Int($0.joint), $0.weight) }
    }

    /// Each vertex under its own blend of the joints' movements.
    func move(_ mesh: [Float], _ movements: [JointTransform]) -> [SIMD3<Float>] {
        let vertices = starts.count - 1
        return [SIMD3<Float>](unsafeUninitializedCapacity: vertices) { result, count in
            // Pointers: otherwise bounds are checked for each influence.
            mesh.withUnsafeBufferPointer { mesh in
                movements.withUnsafeBufferPointer { movements in
                    influences.withUnsafeBufferPointer { influences in
                        for vertex in 0..<vertices {
                            var (x, y, z, shift) = (
                                SIMD3<Float>.zero, SIMD3<Float>.zero, SIMD3<Float>.zero, SIMD3<Float>.zero
                            )
                            for place in Int(starts[vertex])..<Int(starts[vertex + 1]) {
                                let influence = influences[place]
                                let movement = movements[Int(influence.joint)]
                                x += influence.weight * movement.turn.x
                                y += influence.weight * movement.turn.y
                                z += influence.weight * movement.turn.z
                                shift += influence.weight * movement.place
                            }
                            result[vertex] =
                                mesh[3 * vertex] * x + mesh[3 * vertex + 1] * y + mesh[3 * vertex + 2] * z + shift
                        }
                    }
                }
            }
            count = vertices
        }
    }
}
