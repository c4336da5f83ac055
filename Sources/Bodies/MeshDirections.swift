/// Where a mesh's coordinates go with each of some factors, which are SMPL's betas or the bends of its joints: a matrix
/// (3V, factors).
///
/// It is kept in strips of sixteen coordinates with all their factors, which is the order in which it is read: the 17 MB of
/// the bends come from memory in one stream, and the sums stay in registers.
struct MeshDirections: Sendable {
    private typealias Strip = SIMD16<Float>

    /// The number of factors.
    let factorCount: Int
    private let strips: [Strip]  // (⌈3V / 16⌉, factors)

    /// - Parameters:
    ///   - matrix: row-major, (3V, factors).
    ///   - factors: how many there are.
    init(_ matrix: [Float], factors: Int) {
        factorCount = factors
        let coordinates = matrix.count / factors
        var strips: [Strip] = []
        strips.reserveCapacity((coordinates + Strip.scalarCount - 1) / Strip.scalarCount * factors)
        for first in stride(from: 0, to: coordinates, by: Strip.scalarCount) {
            for factor in 0..<factors {
                var strip = Strip.zero
                for lane in 0..<min(Strip.scalarCount, coordinates - first) {
                    strip[lane] = matrix[(first + lane) * factors + factor]
                }
                strips.append(strip)
            }
        }
        self.strips = strips
    }

    /// How far a factor of 1 moves a coordinate.
    subscript(coordinate: Int, factor: Int) -> Float {
        strips[coordinate / Strip.scalarCount * factorCount + factor][coordinate % Strip.scalarCount]
    }

    /// Moves a mesh.
    ///
    /// - Parameters:
    ///   - factors: missing ones count as 0, and what is too many is left out.
    ///   - mesh: 3V coordinates.
    func move(_ mesh: inout [Float], by factors: some Collection<Float>) {
        var all = [Float](factors.prefix(factorCount))
        all.append(contentsOf: repeatElement(0, count: factorCount - all.count))
        mesh.withUnsafeMutableBufferPointer { mesh in
            strips.withUnsafeBufferPointer { strips in
                all.withUnsafeBufferPointer { all in
                    var place = 0
                    for first in stride(from: 0, to: mesh.count, by: Strip.scalarCount) {
                        let lanes = min(Strip.scalarCount, mesh.count - first)
                        var sum = Strip.zero
                        for lane in 0..<lanes { sum[lane] = mesh[first + lane] }
                        for factor in all {
                            sum += strips[place] * factor
                            place += 1
                        }
                        for lane in 0..<lanes { mesh[first + lane] = sum[lane] }
                    }
                }
            }
        }
    }
}
