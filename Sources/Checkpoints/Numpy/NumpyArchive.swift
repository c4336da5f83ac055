public import Foundation

/// The arrays of a `.npz` file: a zip archive of `.npy` files, stored or deflated.
public struct NumpyArchive: Sendable {
    private let archive: ZipArchive
    /// The arrays' names, without `.npy`, in the file's order.
    public let names: [String]

    /// Reads a file's directory.
    ///
    /// - Throws: `CheckpointError` where it cannot be opened, is no zip archive or is damaged.
    public init(contentsOf url: URL) throws(CheckpointError) {
        try self.init(MappedFile(contentsOf: url))
    }

    /// Reads bytes.
    ///
    /// - Throws: `CheckpointError` where they are no zip archive or damaged.
    public init(_ file: MappedFile) throws(CheckpointError) {
        archive = try ZipArchive(file)
        names = archive.members.map(\.name).filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
    }

    /// One array; deflated ones are unpacked now.
    ///
    /// - Throws: `CheckpointError` where there is none of this name or it is damaged.
    public func array(_ name: String) throws(CheckpointError) -> StoredArray {
        guard let member = archive["\(name).npy"] else {
            throw CheckpointError(
                file: archive.file.name, .malformed,
                "it holds no array \(name), only \(names.prefix(10).joined(separator: ", "))")
        }
        return try NumpyFile(try archive.contents(of: member, isChecked: true), name: name).array
    }
}
