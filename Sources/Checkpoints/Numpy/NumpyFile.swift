public import Foundation

/// An array in a `.npy` file, versions 1 to 3.
///
/// Source: NumPy `numpy/lib/format.py` (NEP 1).
public struct NumpyFile: Sendable {
    /// The array.
    public let array: StoredArray

    /// Reads a file.
    ///
    /// - Throws: `CheckpointError` where it cannot be opened, is no such file or is damaged.
    public init(contentsOf url: URL) throws(CheckpointError) {
        try self.init(MappedFile(contentsOf: url))
    }

    /// Reads bytes.
    ///
    /// - Throws: `CheckpointError` where they are no such file or damaged.
    public init(_ file: MappedFile) throws(CheckpointError) {
        try self.init(file.slice, name: "it")
    }

    /// Reads a member of an archive.
    init(_ slice: FileSlice, name: String) throws(CheckpointError) {
        let (header, content) = try Self.parts(of: slice, name: name)
        guard let type = NumpyType(header.type) else {
            throw CheckpointError(
                file: slice.file.name, .unsupported,
                "\(name) holds elements of type \(header.type); only plain numbers are known")
        }
        array = try type.array(
            name: name, shape: header.shape, isFortran: header.isFortran, storage: content)
    }

    /// The header, and what comes after it.
    static func parts(of slice: FileSlice, name: String) throws(CheckpointError) -> (NumpyHeader, FileSlice) {
        func refused(_ kind: CheckpointError.Kind, _ reason: String) -> CheckpointError {
            CheckpointError(file: slice.file.name, kind, "\(name) \(reason)")
        }
        let (text, start) = try slice.withUnsafeBytes { bytes throws(CheckpointError) -> (String, Int) in
            guard bytes.count >= 10, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
                throw refused(.malformed, "is no NumPy file")
            }
            let version = bytes[6]
            guard (1...3).contains(version) else { throw refused(.unsupported, "is of version \(version)") }
            let isShort = version == 1
            guard isShort || bytes.count >= 12 else { throw refused(.malformed, "is cut off") }
            let length =
                isShort
                ? Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
                : Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
            let start = isShort ? 10 : 12
            guard length <= bytes.count - start, length <= NumpyHeader.longest else {
                throw refused(.malformed, "has a header of \(length) bytes, which is too long or cut off")
            }
            return (String(decoding: bytes[start..<(start + length)], as: UTF8.self), start + length)
        }
        guard let header = NumpyHeader(text) else { throw refused(.malformed, "has a header that cannot be read") }
        let bounds = (slice.range.lowerBound + start)..<slice.range.upperBound
        return (header, FileSlice(file: slice.file, range: bounds))
    }
}
