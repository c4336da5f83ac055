internal import Exports
internal import Foundation

/// One file of many.
enum ExportPacking {
    /// Packs a folder, and removes it.
    ///
    /// - Returns: the archive, beside the folder.
    static func zip(_ folder: URL) throws -> URL {
        let target = folder.appendingPathExtension("zip")
        let archive = try ZipFile(target)
        let base = folder.resolvingSymlinksInPath().path
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
        for case let file as URL in files ?? .init() {
            guard try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { continue }
            let name = String(file.resolvingSymlinksInPath().path.dropFirst(base.count + 1))
            let handle = try FileHandle(forReadingFrom: file)
            defer { try? handle.close() }
            try archive.add(name) { archive in
                while let chunk = try handle.read(upToCount: 1 << 20), !chunk.isEmpty {
                    try archive.write([UInt8](chunk))
                }
            }
        }
        try archive.close()
        try FileManager.default.removeItem(at: folder)
        return target
    }
}
