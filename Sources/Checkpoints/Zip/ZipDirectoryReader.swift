/// Reads a zip archive's central directory and finds each member's bytes. All numbers in it are somebody else's.
struct ZipDirectoryReader {
    let bytes: UnsafeRawBufferPointer
    let name: String

    private func damaged(_ reason: String) -> CheckpointError {
        CheckpointError(file: name, .malformed, "it is no whole zip archive: \(reason)")
    }

    private func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ type: Number.Type, at offset: Int
    ) throws(CheckpointError) -> Int {
        guard offset >= 0, offset <= bytes.count - MemoryLayout<Number>.size,
            let value = Int(exactly: Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type)))
        else { throw damaged("a header lies outside the file, which may be cut off") }
        return value
    }

    private struct Directory {
        var entries: Int
        var size: Int
        var offset: Int
    }

    /// Finds the end record, which a comment of up to 64 KiB may follow.
    private func directory() throws(CheckpointError) -> Directory {
        let first = max(0, bytes.count - 22 - 65_535)
        var place = bytes.count - 22
        while place >= first {
            if try number(UInt32.self, at: place) == 0x0605_4b50,
                try number(UInt16.self, at: place + 20) == bytes.count - place - 22
            {
                return try directory(endingAt: place)
            }
            place -= 1
        }
        throw damaged("its directory is missing, so it may be cut off")
    }

    private func directory(endingAt place: Int) throws(CheckpointError) -> Directory {
        let short = Directory(
            entries: try number(UInt16.self, at: place + 10), size: try number(UInt32.self, at: place + 12),
            offset: try number(UInt32.self, at: place + 16))
        guard place >= 20, try number(UInt32.self, at: place - 20) == 0x0706_4b50 else { return short }
        let end = try number(UInt64.self, at: place - 20 + 8)
        guard try number(UInt32.self, at: end) == 0x0606_4b50 else { throw damaged("its zip64 record is missing") }
        return Directory(
            entries: try number(UInt64.self, at: end + 32), size: try number(UInt64.self, at: end + 40),
            offset: try number(UInt64.self, at: end + 48))
    }

    /// All members; folders are left out.
    mutating func members() throws(CheckpointError) -> [ZipArchive.Member] {
        let directory = try directory()
        guard directory.entries <= ZipArchive.mostMembers else {
            throw damaged("it claims \(directory.entries) members, more than any checkpoint has")
        }
        var members: [ZipArchive.Member] = []
        var place = directory.offset
        for _ in 0..<directory.entries {
            guard try number(UInt32.self, at: place) == 0x0201_4b50 else { throw damaged("its directory is damaged") }
            let nameLength = try number(UInt16.self, at: place + 28)
            let extraLength = try number(UInt16.self, at: place + 30)
            let commentLength = try number(UInt16.self, at: place + 32)
            let extra = place + 46 + nameLength
            let next = extra + extraLength + commentLength
            guard next <= bytes.count else { throw damaged("its directory is cut off") }
            let member = try member(at: place, nameLength: nameLength, extra: extra..<(extra + extraLength))
            if let member { members.append(member) }
            place = next
        }
        return members
    }

    private func member(
        at place: Int, nameLength: Int, extra: Range<Int>
    ) throws(CheckpointError) -> ZipArchive.Member? {
        let member = String(decoding: bytes[(place + 46)..<(place + 46 + nameLength)], as: UTF8.self)
        let flags = try number(UInt16.self, at: place + 8)
        let method = try number(UInt16.self, at: place + 10)
        var size = try number(UInt32.self, at: place + 24)
        var packedSize = try number(UInt32.self, at: place + 20)
        var header = try number(UInt32.self, at: place + 42)
        // Zip64: the fields that are all ones stand in the extra field, in this order.
        var field = extra.lowerBound
        while field + 4 <= extra.upperBound {
            let kind = try number(UInt16.self, at: field)
            let end = field + 4 + (try number(UInt16.self, at: field + 2))
            if kind == 1 {
                var value = field + 4
                for path in [\Fields.size, \Fields.packedSize, \Fields.header] {
                    var fields = Fields(size: size, packedSize: packedSize, header: header)
                    guard fields[keyPath: path] == 0xffff_ffff else { continue }
                    guard value + 8 <= end else { throw damaged("the zip64 field of \(member) is cut off") }
                    fields[keyPath: path] = try number(UInt64.self, at: value)
                    value += 8
                    (size, packedSize, header) = (fields.size, fields.packedSize, fields.header)
                }
            }
            field = end
        }
        if member.hasSuffix("/") { return nil }
        guard flags & 0x41 == 0 else {
            throw CheckpointError(file: name, .unsupported, "the member \(member) is encrypted")
        }
        guard method == 0 || method == 8 else {
            throw CheckpointError(
                file: name, .unsupported,
                "the member \(member) is packed by method \(method); only stored and deflate "
                    + "are known")
        }
        guard try number(UInt32.self, at: header) == 0x0403_4b50 else {
            throw damaged("the header of \(member) is not where the directory says")
        }
        let start =
            header + 30 + (try number(UInt16.self, at: header + 26)) + (try number(UInt16.self, at: header + 28))
        guard start <= bytes.count, packedSize <= bytes.count - start else {
            throw damaged("the member \(member) reaches beyond the end, so the file may be cut off")
        }
        guard method == 8 || size == packedSize else { throw damaged("the member \(member) has two sizes") }
        return ZipArchive.Member(
            name: member, isDeflated: method == 8,
            crc: UInt32(truncatingIfNeeded: try number(UInt32.self, at: place + 16)),
            packed: start..<(start + packedSize), size: size)
    }

    private struct Fields {
        var size: Int
        var packedSize: Int
        var header: Int
    }
}
