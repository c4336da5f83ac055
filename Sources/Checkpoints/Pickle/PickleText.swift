/// The two ways in which pickles of protocol 0 escape text.
enum PickleText {
    /// Python 2's `repr` of a `str`, quotes included, or nil where there are none.
    /// Source: CPython 2.7 `Objects/stringobject.c`, `PyString_DecodeEscape`.
    static func stringEscape(_ line: Slice<UnsafeRawBufferPointer>) -> [UInt8]? {
        guard line.count >= 2, let quote = line.first, quote == line.last,
            quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
        else { return nil }
        let simple: [UInt8: UInt8] = [
            UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "a"): 7,
            UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "v"): 11,
        ]
        var rest = line.dropFirst().dropLast()
        var result: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
                result.append(byte)
                continue
            }
            if escape == UInt8(ascii: "x"), let value = hexadecimal(rest.prefix(2), digits: 2) {
                result.append(UInt8(truncatingIfNeeded: value))
                rest = rest.dropFirst(2)
            } else if let value = simple[escape] {
                result.append(value)
            } else if (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(escape) {
                var value = UInt32(escape & 7)
                var digits = 1
                while digits < 3, let next = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(next) {
                    value = value * 8 + UInt32(next & 7)
                    rest = rest.dropFirst()
                    digits += 1
                }
                result.append(UInt8(truncatingIfNeeded: value))
            } else {
                result.append(escape)
            }
        }
        return result
    }

    /// Latin-1 with \uXXXX and \UXXXXXXXX.
    static func rawUnicodeEscape(_ line: Slice<UnsafeRawBufferPointer>) -> String {
        var rest = line
        var result = String.UnicodeScalarView()
        while let byte = rest.popFirst() {
            let digits = rest.first == UInt8(ascii: "u") ? 4 : rest.first == UInt8(ascii: "U") ? 8 : 0
            if byte == UInt8(ascii: "\\"), digits > 0,
                let value = hexadecimal(rest.dropFirst().prefix(digits), digits: digits),
                let scalar = Unicode.Scalar(value)
            {
                result.append(scalar)
                rest = rest.dropFirst(digits + 1)
            } else {
                result.append(Unicode.Scalar(byte))
            }
        }
        return String(result)
    }

    private static func hexadecimal(_ text: Slice<UnsafeRawBufferPointer>, digits: Int) -> UInt32? {
        guard text.count == digits else { return nil }
        return UInt32(String(decoding: text, as: UTF8.self), radix: 16)
    }
}
