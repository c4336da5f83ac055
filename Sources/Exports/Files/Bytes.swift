extension [UInt8] {
    /// Appends a number, the lowest byte first.
    mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    /// Appends a number, the lowest byte first.
    mutating func append(float value: Float) {
        append(littleEndian: value.bitPattern)
    }

    /// Appends a number, the lowest byte first.
    mutating func append(double value: Double) {
        append(littleEndian: value.bitPattern)
    }

    /// Appends three numbers.
    mutating func append(point: SIMD3<Float>) {
        for axis in 0..<3 { append(float: point[axis]) }
    }
}
