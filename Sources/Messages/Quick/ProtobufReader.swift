/// Reads the protobuf that PoseBus writes, and gives up on everything else: each call is nil where something is out of the
/// ordinary, and SwiftProtobuf then reads the message, or says what is wrong with it.
struct ProtobufReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Whether all is read.
    var isAtEnd: Bool { offset == bytes.count }

    /// A field's number and wire type, as `tag(_:_:)` makes it, or any other number.
    mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count, shift < 63 {
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        // Of ten bytes: a negative number, which only the clocks of before 1970 write.
        return nil
    }

    mutating func uint32() -> UInt32? {
        varint().flatMap { UInt32(exactly: $0) }
    }

    mutating func boolean() -> Bool? {
        switch varint() {
        case 0: false
        case 1: true
        default: nil
        }
    }

    mutating func float() -> Float? {
        guard bytes.count - offset >= 4 else { return nil }
        defer { offset += 4 }
        return Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }

    /// What has its length before it: a message, a text, bytes, or packed numbers.
    mutating func chunk() -> UnsafeRawBufferPointer? {
        guard let length = varint(), length <= UInt64(bytes.count - offset) else { return nil }
        defer { offset += Int(length) }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Int(length)])
    }

    mutating func text() -> String? {
        chunk().flatMap { String(validating: $0, as: UTF8.self) }
    }

    mutating func floats() -> [Float]? {
        guard let chunk = chunk(), chunk.count.isMultiple(of: 4) else { return nil }
        return [Float](unsafeUninitializedCapacity: chunk.count / 4) { buffer, count in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: chunk)
            count = chunk.count / 4
        }
    }

    /// Three numbers a point.
    mutating func points() -> [SIMD3<Float>]? {
        guard let chunk = chunk(), chunk.count.isMultiple(of: 12) else { return nil }
        return (0..<chunk.count / 12).map { index in
            func number(_ place: Int) -> Float {
                chunk.loadUnaligned(fromByteOffset: 12 * index + 4 * place, as: Float.self)
            }
            return SIMD3(number(0), number(1), number(2))
        }
    }
}

/// The number before a field: its own and how it is written (0 varint, 2 with its length before it, 5 four bytes).
func tag(_ field: UInt64, _ wireType: UInt64) -> UInt64 { field << 3 | wireType }
