internal import CZlib
package import Foundation

/// Unpacks `.tar.gz` archives from strangers: nothing leaves the target folder, no link is made, and what unpacks to more
/// than any set of weights is refused before it fills the disk.
///
/// Source: POSIX.1-2017 `pax` (ustar and extended headers), GNU tar's long names.
package struct TarArchive {
    /// What an archive may hold.
    package struct Limits: Sendable {
        /// Bytes of all files together.
        package var bytes = 16 << 30
        /// Files and folders.
        package var entries = 10_000

        /// Six times what HMR2's archive holds.
        package init() {}
    }

    private let url: URL
    private let limits: Limits

    /// An archive; it is read when it is unpacked.
    package init(_ url: URL, limits: Limits = Limits()) {
        self.url = url
        self.limits = limits
    }

    /// Writes the archive's files into a folder.
    ///
    /// - Parameters:
    ///   - folder: exists and is empty.
    ///   - progress: is given the part of the archive that has been read, 0…1, every few megabytes.
    /// - Returns: the paths of the files, relative to the folder.
    /// - Throws: `WeightError` naming the archive and what about it is wrong. What was written until then stays in the
    ///   folder, which its owner removes.
    package func unpack(into folder: URL, progress: @escaping (Double) -> Void = { _ in }) throws(WeightError)
        -> [String]
    {
        let input = GzipReader(url, progress: progress)
        guard let input else {
            throw WeightError(description: "\(url.path) cannot be read: \(String(cString: strerror(errno)))")
        }
        var files: [String] = []
        var (total, entries) = (0, 0)
        var longName: String?
        var longSize: Int?
        while true {
            guard let header = try input.read(512, of: self), header.contains(where: { $0 != 0 }) else { break }
            try check(header)
            entries += 1
            guard entries <= limits.entries else { throw refused("it holds more than \(limits.entries) files") }
            let stated = try number(header[124..<136])
            let size = longSize ?? stated
            let name = longName ?? Self.name(header)
            (longName, longSize) = (nil, nil)
            switch header[156] {
            case UInt8(ascii: "L"):
                longName = Self.text(try contents(size, input)[...])
            case UInt8(ascii: "x"):
                let records = try extended(contents(size, input))
                longName = records["path"]
                if let text = records["size"] {
                    guard let size = Int(text), size >= 0 else { throw refused("a file in it has the size \(text)") }
                    longSize = size
                }
            case UInt8(ascii: "g"):
                _ = try contents(size, input)
            case UInt8(ascii: "5"):
                let path = try safe(name)
                if !path.isEmpty { try makeFolder(folder.appendingPathComponent(path)) }
            case UInt8(ascii: "0"), 0:
                let path = try safe(name)
                guard !path.isEmpty else { throw refused("a file in it has no name") }
                total += size
                guard total <= limits.bytes else {
                    throw refused("it unpacks to more than \(limits.bytes >> 30) GB, more than any set of weights")
                }
                try write(size, input, to: folder.appendingPathComponent(path))
                files.append(path)
            default:
                throw refused(
                    "“\(name.prefix(80))” in it is a link or a device; an archive of weights has files and folders only"
                )
            }
        }
        guard !files.isEmpty else { throw refused("it holds no file") }
        try input.finish(of: self)
        return files
    }

    fileprivate func refused(_ reason: String) -> WeightError {
        WeightError(description: "\(url.path) was not unpacked: \(reason)")
    }

    /// Headers carry the sum of their own bytes.
    private func check(_ header: [UInt8]) throws(WeightError) {
        let sum = header.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
        guard sum == (try? number(header[148..<156])) else {
            throw refused("it is damaged or no tar archive (a header's sum is wrong)")
        }
    }

    /// Octal, or binary where the first bit is set.
    private func number(_ field: ArraySlice<UInt8>) throws(WeightError) -> Int {
        if let first = field.first, first & 0x80 != 0 {
            var value = Int(first & 0x3f)
            for byte in field.dropFirst() {
                guard value < 1 << 48 else { throw refused("a file in it has an impossible size") }
                value = value << 8 | Int(byte)
            }
            return value
        }
        let digits = Self.text(field).trimmingCharacters(in: .whitespaces)
        guard let value = digits.isEmpty ? 0 : Int(digits, radix: 8), value >= 0 else {
            throw refused("it is damaged or no tar archive")
        }
        return value
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func name(_ header: [UInt8]) -> String {
        let name = text(header[0..<100])
        let isPOSIX = header[257..<263].elementsEqual(Array("ustar\0".utf8))
        let prefix = isPOSIX ? text(header[345..<500]) : ""
        return prefix.isEmpty ? name : "\(prefix)/\(name)"
    }

    /// A path that stays within the folder, `./` and doubled slashes taken away.
    private func safe(_ name: String) throws(WeightError) -> String {
        guard !name.hasPrefix("/"), !name.contains("\0") else {
            throw refused("“\(name.prefix(80))” in it is an absolute path")
        }
        let parts = name.split(separator: "/").filter { $0 != "." }
        guard !parts.contains("..") else { throw refused("“\(name.prefix(80))” in it leads out of the folder") }
        return parts.joined(separator: "/")
    }

    /// Something small, such as a name.
    private func contents(_ size: Int, _ input: GzipReader) throws(WeightError) -> [UInt8] {
        guard size <= 1 << 20, let bytes = try input.read(size, of: self) else {
            throw refused("it is damaged or cut off")
        }
        try skipPadding(size, input)
        return bytes
    }

    /// Records `LENGTH KEY=VALUE\n`.
    private func extended(_ bytes: [UInt8]) throws(WeightError) -> [String: String] {
        var records: [String: String] = [:]
        var rest = bytes[...]
        while let space = rest.firstIndex(of: 32) {
            guard let length = Int(String(decoding: rest[rest.startIndex..<space], as: UTF8.self)),
                length > space - rest.startIndex + 1, length <= rest.count
            else { throw refused("it is damaged (an extended header)") }
            let record = rest[(space + 1)..<(rest.startIndex + length - 1)]
            if let equals = record.firstIndex(of: UInt8(ascii: "=")) {
                records[String(decoding: record[record.startIndex..<equals], as: UTF8.self)] = String(
                    decoding: record[(equals + 1)...], as: UTF8.self)
            }
            rest = rest.dropFirst(length)
        }
        return records
    }

    private func makeFolder(_ folder: URL) throws(WeightError) {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw WeightError(description: "\(folder.path) cannot be made: \(error.localizedDescription)")
        }
    }

    private func write(_ size: Int, _ input: GzipReader, to file: URL) throws(WeightError) {
        try makeFolder(file.deletingLastPathComponent())
        // Never through something that is there already.
        let descriptor = open(file.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else {
            throw WeightError(description: "\(file.path) cannot be made: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var left = size
        while left > 0 {
            guard let bytes = try input.read(min(left, 1 << 20), of: self) else {
                throw refused("it is damaged or cut off")
            }
            var written = 0
            while written < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Foundation.write(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written)
                }
                guard count > 0 else {
                    throw WeightError(description: "writing \(file.path) failed: \(String(cString: strerror(errno)))")
                }
                written += count
            }
            left -= bytes.count
        }
        try skipPadding(size, input)
    }

    /// Contents fill whole blocks.
    private func skipPadding(_ size: Int, _ input: GzipReader) throws(WeightError) {
        let padding = (512 - size % 512) % 512
        if padding > 0, try input.read(padding, of: self) == nil { throw refused("it is cut off") }
    }
}

/// Bytes of a gzip file as they are unpacked.
private final class GzipReader {
    private let file: UnsafeMutablePointer<FILE>
    private let size: Int
    private let progress: (Double) -> Void
    private var stream = z_stream()
    private var input = [UInt8](repeating: 0, count: 1 << 18)
    private var pending = 0
    private var place = 0
    private var taken = 0
    private var isAtEnd = false

    /// nil, with `errno`, where the file cannot be opened.
    init?(_ url: URL, progress: @escaping (Double) -> Void) {
        guard let file = fopen(url.path, "rb") else { return nil }
        self.file = file
        var status = stat()
        size = fstat(fileno(file), &status) == 0 ? max(1, Int(status.st_size)) : 1
        self.progress = progress
        guard czlib_inflate_init_gzip(&stream) == Z_OK else { return nil }
    }

    deinit {
        inflateEnd(&stream)
        fclose(file)
    }

    /// Exactly so many bytes, or nil at the end.
    func read(_ count: Int, of archive: TarArchive) throws(WeightError) -> [UInt8]? {
        var result = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            if isAtEnd { return nil }
            filled += try step(into: &result, from: filled, archive)
        }
        return result
    }

    /// Reads what is left, so that gzip's own checksum has been seen.
    func finish(of archive: TarArchive) throws(WeightError) {
        var rest = [UInt8](repeating: 0, count: 1 << 16)
        while !isAtEnd { _ = try step(into: &rest, from: 0, archive) }
    }

    private func step(into result: inout [UInt8], from filled: Int, _ archive: TarArchive) throws(WeightError) -> Int {
        if pending == 0 {
            pending = fread(&input, 1, input.count, file)
            place = 0
            taken += pending
            if taken % (1 << 22) < input.count { progress(min(1, Double(taken) / Double(size))) }
            guard pending > 0 else { throw archive.refused("it is cut off") }
        }
        let (status, consumed, produced) = input.withUnsafeMutableBufferPointer { source in
            result.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress?.advanced(by: place)
                stream.avail_in = UInt32(pending)
                stream.next_out = target.baseAddress?.advanced(by: filled)
                stream.avail_out = UInt32(target.count - filled)
                let status = inflate(&stream, Z_NO_FLUSH)
                return (status, pending - Int(stream.avail_in), target.count - filled - Int(stream.avail_out))
            }
        }
        pending -= consumed
        place += consumed
        switch status {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: isAtEnd = true
        default: throw archive.refused("it is no gzip file, or damaged")
        }
        return produced
    }
}
