internal import Glibc

/// Keeps a second writer (a sink, a refinement) away from a store, for as long as it lives, by a lock on `<store>.lock`.
///
/// The lock is on a file of its own: closing any descriptor of the database itself would drop SQLite's own locks.
/// The kernel releases it however the process ends.
final class StoreLock {
    private let descriptor: Int32
    private let path: String

    /// Takes the lock.
    ///
    /// - Throws: `StoreError` of kind `inUse` when somebody has it, or what keeps the file from being made.
    init(store: String) throws(StoreError) {
        path = store + ".lock"
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else {
                let number = errno
                throw StoreError(
                    Self.kind(number), path: store, detail: "\(path): \(String(cString: strerror(number)))")
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                close(descriptor)
                throw StoreError(.inUse, path: store)
            }
            // The last owner may have removed the file between our open and our lock: then the lock is on nothing.
            var ours = stat()
            var named = stat()
            if fstat(descriptor, &ours) == 0, stat(path, &named) == 0, ours.st_ino == named.st_ino {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    private static func kind(_ number: Int32) -> StoreError.Kind {
        switch number {
        case ENOENT, ENOTDIR: .folderMissing
        case EACCES, EPERM, EROFS: .notWritable
        case ENOSPC, EDQUOT: .diskFull
        default: .inputOutput
        }
    }
}
