internal import CZlib

/// Deflated members, through zlib.
enum Inflate {
    /// Unpacks a member to exactly the size that the directory gives it.
    static func unpack(_ packed: FileSlice, _ member: ZipArchive.Member) throws(CheckpointError) -> FileSlice {
        func refused(_ reason: String) -> CheckpointError {
            CheckpointError(file: packed.file.name, .malformed, "the member \(member.name) \(reason)")
        }
        guard member.size <= ZipArchive.largestMember else {
            throw refused("unpacks to \(member.size) bytes, more than any published file has")
        }
        guard member.size / ZipArchive.largestRatio <= packed.count else {
            throw refused("of \(packed.count) bytes cannot unpack to \(member.size)")
        }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, member.size), alignment: 16)
        let file = MappedFile(owning: memory, name: packed.file.name)
        let isWhole = packed.withUnsafeBytes { source -> Bool in
            var stream = z_stream()
            guard czlib_inflate_init_raw(&stream) == Z_OK else { return false }
            defer { inflateEnd(&stream) }
            var read = 0
            var written = 0
            var status = Z_OK
            // zlib counts in 32 bits.
            let most = 1 << 30
            while status == Z_OK {
                let input = source[read..<min(source.count, read + most)]
                let output = UnsafeMutableRawBufferPointer(rebasing: memory[written..<min(member.size, written + most)])
                stream.next_in = UnsafeMutablePointer(
                    mutating: UnsafeRawBufferPointer(rebasing: input).bindMemory(to: UInt8.self).baseAddress)
                stream.avail_in = UInt32(input.count)
                // One byte more than there should be shows a member that is longer than it says.
                var spare: [UInt8] = [0]
                let isFull = output.isEmpty
                status = spare.withUnsafeMutableBufferPointer { spare in
                    stream.next_out = isFull ? spare.baseAddress : output.bindMemory(to: UInt8.self).baseAddress
                    stream.avail_out = isFull ? 1 : UInt32(output.count)
                    return inflate(&stream, Z_NO_FLUSH)
                }
                let consumed = input.count - Int(stream.avail_in)
                let produced = (isFull ? 1 : output.count) - Int(stream.avail_out)
                read += consumed
                written += produced
                if written > member.size || (consumed == 0 && produced == 0 && status == Z_OK) { return false }
            }
            return status == Z_STREAM_END && written == member.size
        }
        guard isWhole else { throw refused("is damaged: it does not unpack to the \(member.size) bytes it should") }
        return FileSlice(file: file, range: 0..<member.size)
    }

    /// The CRC-32 that zip uses.
    static func crc32(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CZlib.crc32(0, nil, 0)
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            crc = CZlib.crc32(crc, part.bindMemory(to: UInt8.self).baseAddress, UInt32(part.count))
            rest = rest.dropFirst(part.count)
        }
        return UInt32(truncatingIfNeeded: crc)
    }
}
