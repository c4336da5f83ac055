/// Writes one line of JSON, as small and as exact as Foundation's encoder does, at a fraction of its cost: the sink writes
/// every outcome, and there are 200 numbers in each person.
///
/// It takes the caller's word for the shape: keys in the order in which they are to stand, one value for each.
package struct JSONWriter {
    /// What has been written.
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// A writer.
    ///
    /// - Parameter capacity: how many bytes are expected.
    package init(capacity: Int = 256) {
        bytes.reserveCapacity(capacity)
    }

    /// Writes `{…}` with what `content` writes in it.
    package mutating func object(_ content: (inout JSONWriter) -> Void) {
        nested("{", "}", content)
    }

    /// Writes `[…]` with what `content` writes in it.
    package mutating func array(_ content: (inout JSONWriter) -> Void) {
        nested("[", "]", content)
    }

    /// Writes a key. Its value follows.
    package mutating func key(_ name: StaticString) {
        separate()
        append("\"")
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        append("\"")
        append(":")
        needsComma = false
    }

    /// Writes a key that is not known beforehand. Its value follows.
    package mutating func key(named name: String) {
        text(name)
        append(":")
        needsComma = false
    }

    /// Writes `null`.
    package mutating func null() {
        word("null")
    }

    /// Writes `true` or `false`.
    package mutating func value(_ value: Bool) {
        word(value ? "true" : "false")
    }

    /// Writes a whole number.
    @inlinable package mutating func value(_ value: some BinaryInteger) {
        whole(UInt64(value.magnitude), isNegative: value < 0)
    }

    @usableFromInline package mutating func whole(_ magnitude: UInt64, isNegative: Bool) {
        backwards(BackwardText.numberCapacity) { text in
            text.put(digitsOf: magnitude)
            if isNegative { text.put("-") }
        }
    }

    /// Writes a number with at most so many decimals (up to 6). What is no number is written as `"nan"`, `"inf"` or
    /// `"-inf"`: one from an engine must not make a whole outcome unreadable.
    package mutating func value(_ value: Float, decimals: Int) {
        self.value(Double(value), decimals: decimals)
    }

    /// Writes a number with at most so many decimals (up to 6).
    package mutating func value(_ value: Double, decimals: Int) {
        guard let number = FixedDecimal(value, decimals: decimals) else {
            let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
            return shortest((value * scale).rounded() / scale)
        }
        // Up to 15 digits every decimal is a double of its own, so these digits are also the shortest that mean it.
        backwards(BackwardText.numberCapacity) { $0.put(number) }
    }

    /// Writes points as arrays of three numbers with at most so many decimals (up to 6) each: what `value` and `array` write,
    /// in a fraction of the time for a mesh.
    package mutating func points(_ points: [SIMD3<Float>], decimals: Int) {
        array { json in
            var next = 0
            while next < points.count {
                next = PointsText.write(points, from: next, decimals: decimals) { text in
                    json.bytes.append(contentsOf: text)
                    json.needsComma = json.needsComma || !text.isEmpty
                }
                guard next < points.count else { return }
                // One with a number that is too large, or none.
                json.array { json in for axis in 0..<3 { json.value(points[next][axis], decimals: decimals) } }
                next += 1
            }
        }
    }

    /// Writes a number with the fewest digits that mean exactly it.
    package mutating func shortest(_ value: some BinaryFloatingPoint & CustomStringConvertible) {
        guard value.isFinite else { return text(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf") }
        separate()
        let description = value.description
        bytes.append(contentsOf: (description.hasSuffix(".0") ? description.dropLast(2) : description[...]).utf8)
    }

    /// Writes a text.
    package mutating func text(_ text: String) {
        separate()
        append("\"")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): escape(byte)
            case 0x08: escape(UInt8(ascii: "b"))
            case 0x09: escape(UInt8(ascii: "t"))
            case 0x0a: escape(UInt8(ascii: "n"))
            case 0x0c: escape(UInt8(ascii: "f"))
            case 0x0d: escape(UInt8(ascii: "r"))
            case ..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(hexadecimalDigit(byte >> 4))
                bytes.append(hexadecimalDigit(byte & 15))
            default: bytes.append(byte)
            }
        }
        append("\"")
    }

    /// Writes a value that is JSON already.
    package mutating func json(_ value: [UInt8]) {
        separate()
        bytes.append(contentsOf: value)
    }

    // MARK: - Pieces

    private mutating func nested(_ open: Unicode.Scalar, _ close: Unicode.Scalar, _ content: (inout JSONWriter) -> Void)
    {
        separate()
        append(open)
        needsComma = false
        content(&self)
        append(close)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { append(",") }
        needsComma = true
    }

    private mutating func word(_ word: StaticString) {
        separate()
        bytes.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    private mutating func append(_ character: Unicode.Scalar) {
        bytes.append(UInt8(ascii: character))
    }

    private mutating func escape(_ character: UInt8) {
        append("\\")
        bytes.append(character)
    }

    /// Writes a value of at most so many bytes, from its end.
    private mutating func backwards(_ capacity: Int, _ write: (inout BackwardText) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { buffer in
            var text = BackwardText(in: buffer)
            write(&text)
            if needsComma { text.put(",") }
            bytes.append(contentsOf: text.written)
        }
        needsComma = true
    }
}
