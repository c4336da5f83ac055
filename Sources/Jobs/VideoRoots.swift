internal import Foundation

/// The folders whose videos may be named by a request: what does not lie in one of them is not looked at.
package struct VideoRoots: Sendable {
    private let roots: [String]

    /// - Throws: `JobError` for a folder that is none.
    package init(_ folders: [String]) throws(JobError) {
        var roots: [String] = []
        for folder in folders {
            var info = stat()
            guard let path = Self.resolved(folder), stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
                throw JobError("--video-root \(folder): there is no such folder")
            }
            roots.append(path)
        }
        self.roots = roots
    }

    /// Why a path cannot be had. Whether a file that lies elsewhere exists is not told.
    package enum Refusal: Error, Equatable, Sendable {
        /// No folder is configured.
        case noRoots
        /// It lies in none of the folders, or there is nothing by that name.
        case notFound
        /// It is a folder, a device, a pipe.
        case noFile
        /// It has no bytes.
        case empty
    }

    /// The file that a path names, with every link followed.
    ///
    /// A relative path is taken within each of the folders in turn.
    package func file(_ path: String) throws(Refusal) -> String {
        guard !roots.isEmpty else { throw .noRoots }
        // A NUL would end the name where the system reads it.
        guard !path.isEmpty, path.utf8.count < 4096, !path.utf8.contains(0) else { throw .notFound }
        let candidates = path.hasPrefix("/") ? [path] : roots.map { "\($0)/\(path)" }
        for candidate in candidates {
            guard let real = Self.resolved(candidate), contains(real) else { continue }
            var info = stat()
            guard stat(real, &info) == 0 else { continue }
            guard info.st_mode & S_IFMT == S_IFREG else { throw .noFile }
            guard info.st_size > 0 else { throw .empty }
            return real
        }
        throw .notFound
    }

    private func contains(_ real: String) -> Bool {
        roots.contains { $0 == "/" || real.hasPrefix($0 + "/") }
    }

    private static func resolved(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}
