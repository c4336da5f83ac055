internal import Foundation

/// Writes one upload to the disk as it arrives. Calls come one after the other; each returns once its bytes are written.
package final class UploadWriter: Sendable {
    /// Why an upload was broken off.
    package enum Failure: Error, Equatable, Sendable {
        /// More bytes than one upload may have.
        case tooLarge(limit: Int)
        /// The disk has no room for it.
        case noRoom
        /// The system's reason.
        case inputOutput(String)
    }

    /// Where it is written.
    package let path: String
    private let folder: UploadFolder
    private let queue: DispatchQueue
    private let descriptor: Int32
    /// Owned by `queue`.
    private nonisolated(unsafe) var written = 0
    private nonisolated(unsafe) var checkedUpTo = 0

    /// How many bytes are written between two looks at the disk's room.
    private static let stride = 64 << 20

    /// - Throws: `Failure` where the file cannot be made.
    package init(_ folder: UploadFolder) throws(Failure) {
        self.folder = folder
        path = folder.newPath()
        queue = DispatchQueue(label: "upload")
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .inputOutput(String(cString: strerror(errno))) }
    }

    deinit {
        close(descriptor)
    }

    /// Appends bytes.
    package func append(_ bytes: [UInt8]) async throws(Failure) {
        try await onQueue { [self] () throws(Failure) in
            guard written + bytes.count <= folder.limit else { throw .tooLarge(limit: folder.limit) }
            if written + bytes.count > checkedUpTo {
                guard folder.hasRoom(for: Self.stride) else { throw .noRoom }
                checkedUpTo = written + Self.stride
            }
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                if count < 0 {
                    if errno == EINTR { continue }
                    throw errno == ENOSPC ? .noRoom : .inputOutput(String(cString: strerror(errno)))
                }
                rest = rest.dropFirst(count)
            }
            written += bytes.count
        }
    }

    /// Makes sure that the file is on the disk.
    ///
    /// - Returns: its bytes.
    package func finish() async throws(Failure) -> Int {
        try await onQueue { [self] () throws(Failure) in
            guard fsync(descriptor) == 0 else { throw .inputOutput(String(cString: strerror(errno))) }
            return written
        }
    }

    /// Removes the file.
    package func discard() {
        unlink(path)
    }

    private func onQueue<Value: Sendable>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            queue.async {
                do throws(Failure) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
