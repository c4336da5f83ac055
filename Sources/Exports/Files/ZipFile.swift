internal import CZlib
package import Foundation

/// Writes a zip archive whose members are stored as they are: what is in it is compressed already, or is to be read fast.
///
/// Source: PKWARE, "APPNOTE.TXT", 6.3.10.
package final class ZipFile {
    private struct Member {
        let name: [UInt8]
        let offset: Int
        var size = 0
        var checksum: UInt32 = 0
    }

    private let file: ExportFile
    private var members: [Member] = []
    private var current = Member(name: [], offset: 0)

    /// An archive as a file, which must be one that can be gone back in: no pipe.
    package init(_ url: URL) throws(ExportError) {
        file = try ExportFile(url)
    }

    /// Writes one member.
    ///
    /// - Parameter content: calls `write` as often as is needed.
    package func add(_ name: String, _ content: (ZipFile) throws -> Void) throws {
        let offset = file.count
        current = Member(name: Array(name.utf8), offset: offset)
        try file.write(header(current))
        try content(self)
        let member = current
        guard file.count < 0xFFFF_FFFF, members.count < 0xFFFE else {
            throw ExportError(
                .unavailable,
                "the archive would be larger than the 4 GB or 65,534 files that zip holds; choose with --session")
        }
        try file.overwrite(at: member.offset, with: header(member))
        members.append(member)
    }

    /// Writes one member whole.
    package func add(_ name: String, bytes: [UInt8]) throws {
        try add(name) { try $0.write(bytes) }
    }

    /// Writes the next bytes of the member that is being added.
    package func write(_ bytes: [UInt8]) throws(ExportError) {
        current.checksum = bytes.withUnsafeBufferPointer {
            UInt32(crc32(UInt(current.checksum), $0.baseAddress, UInt32($0.count)))
        }
        current.size += bytes.count
        try file.write(bytes)
    }

    /// Writes the directory and closes the file.
    package func close() throws(ExportError) {
        let start = file.count
        for member in members {
            var entry: [UInt8] = [0x50, 0x4b, 1, 2]
            entry.append(littleEndian: UInt16(20))
            entry += fields(member)
            entry += [UInt8](repeating: 0, count: 6)
            entry.append(littleEndian: UInt32(0o100644) << 16)
            entry.append(littleEndian: UInt32(member.offset))
            try file.write(entry + member.name)
        }
        var end: [UInt8] = [0x50, 0x4b, 5, 6, 0, 0, 0, 0]
        end.append(littleEndian: UInt16(members.count))
        end.append(littleEndian: UInt16(members.count))
        end.append(littleEndian: UInt32(file.count - start))
        end.append(littleEndian: UInt32(start))
        try file.write(end + [0, 0])
        try file.close()
    }

    private func header(_ member: Member) -> [UInt8] {
        [0x50, 0x4b, 3, 4] + fields(member) + member.name
    }

    /// What the local header and the directory have in common, from the version needed to the length of the extra field.
    private func fields(_ member: Member) -> [UInt8] {
        var bytes: [UInt8] = []
        // Version 2.0, names in UTF-8, stored, 1980-01-01: the same recording gives the same file.
        for value in [20, 0x0800, 0, 0, 0x0021] as [UInt16] { bytes.append(littleEndian: value) }
        bytes.append(littleEndian: member.checksum)
        bytes.append(littleEndian: UInt32(member.size))
        bytes.append(littleEndian: UInt32(member.size))
        bytes.append(littleEndian: UInt16(member.name.count))
        bytes.append(littleEndian: UInt16(0))
        return bytes
    }
}

/// Packs a folder of an export into one archive; the members' names are relative to it.
///
/// - Throws: `ExportError`.
package func zip(folder: URL, to url: URL) throws {
    let archive = try ZipFile(url)
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted() {
        let path = folder.appendingPathComponent(name)
        guard let handle = fopen(path.path, "r") else {
            throw ExportError(.inputOutput, "\(path.path) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { fclose(handle) }
        var information = stat()
        guard fstat(fileno(handle), &information) == 0, information.st_mode & S_IFMT == S_IFREG else { continue }
        try archive.add(name) { archive in
            while true {
                let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
                    count = fread(buffer.baseAddress, 1, buffer.count, handle)
                }
                guard !bytes.isEmpty else { break }
                try archive.write(bytes)
            }
            guard ferror(handle) == 0 else {
                throw ExportError(.inputOutput, "reading \(path.path) failed: \(String(cString: strerror(errno)))")
            }
        }
    }
    try archive.close()
}
