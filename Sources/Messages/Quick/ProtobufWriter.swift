/// Writes protobuf the way SwiftProtobuf does, byte for byte, for the messages that every frame needs: fields in the order
/// of their numbers, and none that has its default value (https://protobuf.dev/programming-guides/encoding/).
///
/// SwiftProtobuf keeps a message's fields in a class and visits them through protocols: that was a quarter of what a frame
/// cost the stages' own threads.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    /// A writer.
    ///
    /// - Parameter capacity: about how many bytes will be written.
    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    mutating func varint(_ field: Int, _ value: UInt64) {
        guard value != 0 else { return }
        writtenVarint(field, value)
    }

    /// A number that is there or not: written even where it is 0.
    mutating func optional(_ field: Int, _ value: UInt64?) {
        guard let value else { return }
        writtenVarint(field, value)
    }

    mutating func boolean(_ field: Int, _ value: Bool) {
        varint(field, value ? 1 : 0)
    }

    mutating func float(_ field: Int, _ value: Float) {
        guard value.bitPattern != 0 else { return }
        tag(field, 5)
        append(value)
    }

    mutating func text(_ field: Int, _ value: String) {
        guard !value.isEmpty else { return }
        tag(field, 2)
        var value = value
        value.withUTF8 {
            raw(UInt64($0.count))
            bytes.append(contentsOf: $0)
        }
    }

    mutating func bytes(_ field: Int, _ value: some Collection<UInt8>) {
        guard !value.isEmpty else { return }
        tag(field, 2)
        raw(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func bytes(_ field: Int, bigEndian words: UInt64...) {
        tag(field, 2)
        raw(UInt64(8 * words.count))
        for word in words { withUnsafeBytes(of: word.bigEndian) { bytes.append(contentsOf: $0) } }
    }

    /// A packed repeated field.
    mutating func floats(_ field: Int, _ values: [Float]) {
        guard !values.isEmpty else { return }
        tag(field, 2)
        raw(UInt64(4 * values.count))
        values.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    /// A packed repeated field of three numbers a point.
    mutating func floats(_ field: Int, _ points: [SIMD3<Float>]) {
        guard !points.isEmpty else { return }
        tag(field, 2)
        raw(UInt64(12 * points.count))
        for point in points {
            append(point.x)
            append(point.y)
            append(point.z)
        }
    }

    /// A message within this one: there even where it is empty.
    mutating func message(_ field: Int, _ write: (inout ProtobufWriter) -> Void) {
        tag(field, 2)
        // How long it becomes is known afterwards; nearly all have less than 128 bytes, which one byte can say.
        let place = bytes.count
        bytes.append(0)
        write(&self)
        let length = bytes.count - place - 1
        guard length >= 0x80 else {
            bytes[place] = UInt8(length)
            return
        }
        var rest = length >> 7
        bytes[place] = UInt8(length & 0x7f) | 0x80
        var more: [UInt8] = []
        while rest > 0 {
            more.append(UInt8(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
            rest >>= 7
        }
        bytes.insert(contentsOf: more, at: place + 1)
    }

    private mutating func writtenVarint(_ field: Int, _ value: UInt64) {
        tag(field, 0)
        raw(value)
    }

    private mutating func tag(_ field: Int, _ wireType: Int) {
        raw(UInt64(field << 3 | wireType))
    }

    private mutating func raw(_ value: UInt64) {
        var rest = value
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func append(_ value: Float) {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
