package import Foundation

/// Where uploaded videos lie until their job is over.
package struct UploadFolder: Sendable {
    /// The folder.
    package let url: URL
    /// The largest upload, in bytes.
    package let limit: Int
    /// What the disk must still have free, in bytes.
    package let reserve: Int

    /// Makes the folder.
    ///
    /// - Throws: `JobError` where that is not possible.
    package init(in state: URL, limit: Int, reserve: Int = 1 << 30) throws(JobError) {
        url = state.appending(path: "uploads")
        self.limit = limit
        self.reserve = reserve
        do {
            try FileManager.default.createDirectory(
                at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw JobError("\(url.path) cannot be made: \(error.localizedDescription). Choose another --state folder")
        }
    }

    /// A path for a new upload.
    package func newPath() -> String { url.appending(path: UUID().uuidString.lowercased()).path }

    /// Whether the disk has room for so many bytes more.
    package func hasRoom(for bytes: Int) -> Bool {
        var disk = statvfs()
        guard statvfs(url.path, &disk) == 0 else { return true }
        let free = UInt64(disk.f_bavail) * UInt64(disk.f_frsize)
        return free >= UInt64(max(0, bytes)) + UInt64(reserve)
    }

    /// Deletes an upload; one that is gone already is no matter.
    package func delete(_ path: String) {
        guard path.hasPrefix(url.path + "/") else { return }
        unlink(path)
    }

    /// Deletes what an earlier life of the gateway left.
    func deleteAll(except paths: Set<String>) {
        for file in (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] {
            let path = url.appending(path: file).path
            if !paths.contains(path) { delete(path) }
        }
    }
}
