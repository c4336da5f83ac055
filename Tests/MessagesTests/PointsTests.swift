import Messages
import Testing

struct PointsTests {
    /// Each number for itself.
    private func numbers(_ points: [SIMD3<Float>], decimals: Int) -> String {
        var json = JSONWriter()
        json.array { json in
            for point in points {
                json.array { json in for axis in 0..<3 { json.value(point[axis], decimals: decimals) } }
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private func points(_ points: [SIMD3<Float>], decimals: Int) -> String {
        var json = JSONWriter()
        json.points(points, decimals: decimals)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    @Test(arguments: 0...6) func `points are written as their numbers are`(_ decimals: Int) {
        var random = SystemRandomNumberGenerator()
        let bodies = (0..<300).map { _ in
            SIMD3<Float>((0..<3).map { _ in Float.random(in: -3...3, using: &random) })
        }
        let sizes = (0..<300).map { _ in
            SIMD3<Float>((0..<3).map { _ in Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random)) })
        }
        for points in [[], bodies, sizes, bodies + sizes + bodies] {
            #expect(self.points(points, decimals: decimals) == numbers(points, decimals: decimals))
        }
    }

    @Test func `numbers at the edges`() {
        let edges: [Float] = [
            0, -0.0, 1, -1, 10, 0.5, 0.1, 1e-6, 4.9e-7, 5e-7, 5.1e-7, 0.999_999_5, 9.999_999, 99.5, 4294.967, 4294.9673,
            4295,
            1e9, 1e15, 3e38, .nan, .infinity, -.infinity, .leastNonzeroMagnitude,
        ]
        for edge in edges {
            for points in [
                [SIMD3(edge, 1, 2)], [SIMD3(1, 2, 3), SIMD3(2, edge, -edge)], [SIMD3(0, 0, edge), SIMD3(1, 1, 1)],
            ] {
                for decimals in [0, 2, 3, 6] {
                    #expect(self.points(points, decimals: decimals) == numbers(points, decimals: decimals), "\(edge)")
                }
            }
        }
        #expect(points([SIMD3(1.5, -0.25, 3)], decimals: 6) == "[[1.5,-0.25,3]]")
    }
}
