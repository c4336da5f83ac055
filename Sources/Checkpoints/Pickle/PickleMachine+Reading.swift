extension PickleMachine {
    /// The next `count` bytes.
    mutating func take(_ count: Int) throws(CheckpointError) -> Range<Int> {
        guard count >= 0, count <= bytes.count - position else {
            throw damaged("a value of \(count) bytes reaches beyond the end, so the file may be cut off")
        }
        defer { position += count }
        return position..<(position + count)
    }

    /// A little-endian number of `width` bytes.
    mutating func unsigned(_ width: Int) throws(CheckpointError) -> Int {
        let value = bytes[try take(width)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let value = Int(exactly: value) else { throw damaged("a length of \(value)") }
        return value
    }

    /// The text up to the end of the line.
    mutating func line() throws(CheckpointError) -> String {
        String(decoding: bytes[try lineRange()], as: UTF8.self)
    }

    mutating func lineRange() throws(CheckpointError) -> Range<Int> {
        guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
            throw damaged("a line has no end, so the file may be cut off")
        }
        defer { position = end + 1 }
        return position..<end
    }

    mutating func decimal() throws(CheckpointError) -> Int {
        let line = try line()
        guard let value = Int(line) else { throw damaged("‘\(line.prefix(20))’ is no number") }
        return value
    }

    /// Numbers, truth values, None and text.
    mutating func pushConstant(_ instruction: UInt8) throws(CheckpointError) -> Bool {
        switch instruction {
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "K"): try push(.integer(try unsigned(1)))
        case UInt8(ascii: "M"): try push(.integer(try unsigned(2)))
        case UInt8(ascii: "J"): try push(.integer(Int(Int32(truncatingIfNeeded: try unsigned(4)))))
        case UInt8(ascii: "I"):
            switch try line() {
            case "00": try push(.bool(false))
            case "01": try push(.bool(true))
            case let digits: try push(integer(digits))
            }
        case UInt8(ascii: "L"):
            let digits = try line()
            try push(integer(digits.hasSuffix("L") ? String(digits.dropLast()) : digits))
        case 0x8a: try push(integer(try take(try unsigned(1))))
        case 0x8b: try push(integer(try take(try unsigned(4))))
        case UInt8(ascii: "F"):
            let digits = try line()
            guard let value = Double(digits) else { throw damaged("‘\(digits.prefix(20))’ is no number") }
            try push(.float(value))
        case UInt8(ascii: "G"):
            let place = try take(8).lowerBound
            try push(
                .float(
                    Double(bitPattern: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)))))
        case UInt8(ascii: "V"): try push(.text(PickleText.rawUnicodeEscape(bytes[try lineRange()])))
        case UInt8(ascii: "X"): try pushText(try unsigned(4))
        case 0x8c: try pushText(try unsigned(1))
        case 0x8d: try pushText(try unsigned(8))
        default: return false
        }
        return true
    }

    private mutating func pushText(_ count: Int) throws(CheckpointError) {
        try push(.text(String(decoding: bytes[try take(count)], as: UTF8.self)))
    }

    private func integer(_ digits: String) throws(CheckpointError) -> PickleNode {
        if let value = Int(digits) { return .integer(value) }
        guard let first = digits.first, first == "-" || first.isNumber, digits.dropFirst().allSatisfy(\.isNumber) else {
            throw damaged("‘\(digits.prefix(20))’ is no integer")
        }
        return .bigInteger
    }

    /// Two's complement, little-endian, of any length.
    private func integer(_ range: Range<Int>) -> PickleNode {
        guard range.count <= 8 else { return .bigInteger }
        guard let last = bytes[range].last else { return .integer(0) }
        let start: UInt64 = last >= 0x80 ? .max : 0
        return .integer(Int(Int64(bitPattern: bytes[range].reversed().reduce(start) { $0 << 8 | UInt64($1) })))
    }

    /// Bytes, and Python 2's `str`. They stay where they are in the file unless they are written with escapes.
    mutating func pushBytes(_ instruction: UInt8) throws(CheckpointError) -> Bool {
        switch instruction {
        case UInt8(ascii: "S"):
            guard let unescaped = PickleText.stringEscape(bytes[try lineRange()]) else {
                throw damaged("a string without quotes")
            }
            try push(.byteString(MappedFile(copying: unescaped, name: source.file.name).slice))
        case UInt8(ascii: "T"): try push(.byteString(slice(try take(try unsigned(4)))))
        case UInt8(ascii: "U"): try push(.byteString(slice(try take(try unsigned(1)))))
        case UInt8(ascii: "B"): try push(.bytes(slice(try take(try unsigned(4)))))
        case UInt8(ascii: "C"): try push(.bytes(slice(try take(try unsigned(1)))))
        case 0x8e, 0x96: try push(.bytes(slice(try take(try unsigned(8)))))
        default: return false
        }
        return true
    }

    private func slice(_ range: Range<Int>) -> FileSlice {
        let start = source.range.lowerBound
        return FileSlice(file: source.file, range: (start + range.lowerBound)..<(start + range.upperBound))
    }
}
