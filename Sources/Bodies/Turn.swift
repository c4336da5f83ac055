/// A rotation matrix as its columns.
package struct Turn: Sendable, Equatable {
    package var x: SIMD3<Float>
    package var y: SIMD3<Float>
    package var z: SIMD3<Float>

    /// From its columns.
    package init(x: SIMD3<Float>, y: SIMD3<Float>, z: SIMD3<Float>) {
        (self.x, self.y, self.z) = (x, y, z)
    }

    /// From 9 numbers, row-major.
    package init(_ rows: ArraySlice<Float>) {
        let first = rows.startIndex
        func column(_ index: Int) -> SIMD3<Float> {
            SIMD3(rows[first + index], rows[first + 3 + index], rows[first + 6 + index])
        }
        (x, y, z) = (column(0), column(1), column(2))
    }

    /// No rotation.
    package static let none = Turn(x: SIMD3(1, 0, 0), y: SIMD3(0, 1, 0), z: SIMD3(0, 0, 1))

    /// The rotation back.
    package var inverse: Turn {
        Turn(x: SIMD3(x.x, y.x, z.x), y: SIMD3(x.y, y.y, z.y), z: SIMD3(x.z, y.z, z.z))
    }

    /// 9 numbers, row-major.
    package var rows: [Float] { [x.x, y.x, z.x, x.y, y.y, z.y, x.z, y.z, z.z] }

    package static func * (turn: Turn, point: SIMD3<Float>) -> SIMD3<Float> {
        turn.x * point.x + turn.y * point.y + turn.z * point.z
    }

    package static func * (left: Turn, right: Turn) -> Turn {
        Turn(x: left * right.x, y: left * right.y, z: left * right.z)
    }
}
