/// Numbers as bytes, little-endian, for what one process saves and another goes on with.
package struct StateWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func write(_ value: UInt32) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    package mutating func write(_ value: Int) {
        withUnsafeBytes(of: Int64(value).littleEndian) { bytes.append(contentsOf: $0) }
    }
    package mutating func write(_ value: Double) { write(Int(bitPattern: UInt(value.bitPattern))) }
    package mutating func write(_ value: Float) { write(value.bitPattern) }
    package mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }
    package mutating func write(_ values: [Float]) {
        write(UInt32(values.count))
        for value in values { write(value) }
    }
    package mutating func write(_ values: [Double]) {
        write(UInt32(values.count))
        for value in values { write(value) }
    }
    package mutating func write(_ values: [UInt8]) {
        write(UInt32(values.count))
        bytes += values
    }
}

/// Reads what `StateWriter` wrote. Every read is nil where the bytes do not hold what is asked for: they came from
/// elsewhere, perhaps from another release.
package struct StateReader {
    private let bytes: [UInt8]
    private var place = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether everything has been read.
    package var isAtEnd: Bool { place == bytes.count }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= bytes.count - place else { return nil }
        defer { place += count }
        return bytes[place..<(place + count)]
    }

    package mutating func uint32() -> UInt32? {
        take(4)?.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    package mutating func int() -> Int? {
        take(8).map { Int(truncatingIfNeeded: $0.reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }) }
    }
    package mutating func double() -> Double? {
        int().map { Double(bitPattern: UInt64(bitPattern: Int64($0))) }
    }
    package mutating func float() -> Float? { uint32().map(Float.init(bitPattern:)) }
    package mutating func bool() -> Bool? {
        switch take(1)?.first {
        case 0: false
        case 1: true
        default: nil
        }
    }
    /// A number of things that take at least `size` bytes each.
    package mutating func count(ofSize size: Int) -> Int? {
        guard let count = uint32().map(Int.init), count <= (bytes.count - place) / max(1, size) else { return nil }
        return count
    }
    package mutating func floats() -> [Float]? {
        guard let count = count(ofSize: 4) else { return nil }
        return (0..<count).compactMap { _ in float() }
    }
    package mutating func doubles() -> [Double]? {
        guard let count = count(ofSize: 8) else { return nil }
        return (0..<count).compactMap { _ in double() }
    }
    package mutating func byteArray() -> [UInt8]? {
        guard let count = count(ofSize: 1) else { return nil }
        return take(count).map { Array($0) }
    }
}
