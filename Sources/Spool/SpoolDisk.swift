internal import Foundation
internal import Glibc

/// The files of a spool: a folder of a real disk, or a simulated one that loses what was not synced.
package protocol SpoolDisk: AnyObject {
    /// The segments' indices, in no particular order.
    func segments() throws(SpoolError) -> [UInt64]
    /// Everything in a segment.
    func read(_ index: UInt64) throws(SpoolError) -> [UInt8]
    /// Makes a segment of zeros and takes all the room that it will need, so that writing it cannot fail for want of it.
    /// When this returns the file survives a crash, though not what is written to it.
    func create(_ index: UInt64, bytes: Int) throws(SpoolError) -> any SpoolFile
    /// Gives back the room behind `length`.
    func truncate(_ index: UInt64, to length: Int) throws(SpoolError)
    /// Deletes a segment.
    func remove(_ index: UInt64) throws(SpoolError)
}

/// A segment that is being written.
package protocol SpoolFile: AnyObject {
    /// Writes; nothing is durable until `sync` returns.
    func write(_ bytes: [UInt8], at offset: Int) throws(SpoolError)
    /// Returns once everything written before survives a crash.
    func sync() throws(SpoolError)
}

/// Segments as files `<index in 16 hexadecimal digits>.segment` of one folder.
package final class SpoolFolder: SpoolDisk {
    private let path: String
    private let lock: Int32
    private static let suffix = ".segment"

    /// Opens a folder and locks it for this process; makes it where there is none.
    ///
    /// - Throws: `SpoolError` of kind `inUse` where another process has it.
    package init(_ path: String) throws(SpoolError) {
        self.path = path
        if mkdir(path, 0o755) != 0, errno != EEXIST {
            throw Self.error("the spool's folder \(path) cannot be made")
        }
        lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw Self.error("the spool's folder \(path) cannot be used") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw SpoolError(
                .inUse, "the spool \(path) is in use by another ingest. Give each ingest a folder of its own")
        }
    }

    deinit {
        close(lock)
    }

    package func segments() throws(SpoolError) -> [UInt64] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw SpoolError(.notWritable, "the spool's folder \(path) cannot be read: \(error.localizedDescription)")
        }
        return names.compactMap { $0.hasSuffix(Self.suffix) ? UInt64($0.dropLast(Self.suffix.count), radix: 16) : nil }
    }

    package func read(_ index: UInt64) throws(SpoolError) -> [UInt8] {
        do {
            return Array(try Data(contentsOf: URL(fileURLWithPath: file(index))))
        } catch {
            throw SpoolError(.inputOutput, "\(file(index)) cannot be read: \(error.localizedDescription)")
        }
    }

    package func create(_ index: UInt64, bytes: Int) throws(SpoolError) -> any SpoolFile {
        let name = file(index)
        let descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.error("\(name) cannot be made") }
        let segment = Segment(descriptor: descriptor, name: name)
        let problem = posix_fallocate(descriptor, 0, off_t(bytes))
        guard problem == 0 else {
            unlink(name)
            throw Self.error("\(name) cannot be given \(bytes) bytes", problem)
        }
        do throws(SpoolError) {
            guard fsync(descriptor) == 0 else { throw Self.error("\(name) cannot be synced") }
            try syncFolder()
        } catch {
            unlink(name)
            throw error
        }
        return segment
    }

    package func truncate(_ index: UInt64, to length: Int) throws(SpoolError) {
        guard Glibc.truncate(file(index), off_t(length)) == 0 else {
            throw Self.error("\(file(index)) cannot be cut")
        }
    }

    package func remove(_ index: UInt64) throws(SpoolError) {
        guard unlink(file(index)) == 0 || errno == ENOENT else { throw Self.error("\(file(index)) cannot be deleted") }
    }

    private func syncFolder() throws(SpoolError) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Self.error("the spool's folder \(path) cannot be opened") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw Self.error("the spool's folder \(path) cannot be synced") }
    }

    private func file(_ index: UInt64) -> String {
        let digits = String(index, radix: 16)
        return path + "/" + String(repeating: "0", count: 16 - digits.count) + digits + Self.suffix
    }

    private static func error(_ what: String, _ number: Int32 = errno) -> SpoolError {
        let kind: SpoolError.Kind =
            switch number {
            case ENOSPC, EDQUOT, EFBIG: .full
            case EACCES, EPERM, EROFS, ENOENT, ENOTDIR: .notWritable
            default: .inputOutput
            }
        return SpoolError(kind, "\(what): \(String(cString: strerror(number)))")
    }

    private final class Segment: SpoolFile {
        private let descriptor: Int32
        private let name: String

        init(descriptor: Int32, name: String) {
            self.descriptor = descriptor
            self.name = name
        }

        deinit {
            close(descriptor)
        }

        func write(_ bytes: [UInt8], at offset: Int) throws(SpoolError) {
            var written = 0
            while written < bytes.count {
                let count = bytes.withUnsafeBytes {
                    pwrite(descriptor, $0.baseAddress! + written, $0.count - written, off_t(offset + written))
                }
                if count < 0 {
                    if errno == EINTR { continue }
                    throw SpoolFolder.error("\(name) cannot be written")
                }
                written += count
            }
        }

        func sync() throws(SpoolError) {
            guard fdatasync(descriptor) == 0 else { throw SpoolFolder.error("\(name) cannot be synced") }
        }
    }
}
