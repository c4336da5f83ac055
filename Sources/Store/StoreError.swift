public import Foundation
internal import GRDB
internal import Glibc

/// Why a store cannot be opened, read or written: what happened, to which file, and the way out.
public struct StoreError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
    /// What kind of failure it is.
    public enum Kind: Equatable, Sendable {
        /// There is no such file to read.
        case missing
        /// The folder that should hold the file does not exist.
        case folderMissing
        /// The file or its folder may not be written.
        case notWritable
        /// The file is something else than a PoseBus store.
        case notAStore
        /// A later PoseBus wrote the file.
        case newerSchema
        /// A sink or a refinement writes this file.
        case inUse
        /// No room is left on the disk.
        case diskFull
        /// The file's content is damaged.
        case damaged
        /// Another process holds the database longer than we wait.
        case busy
        /// The system could not read, write or sync the file.
        case inputOutput
        /// What had been committed is not in the file any more.
        case lostCommits
        /// An outcome was to be stored whose predecessors are not in the store. A defect of the caller.
        case gap
        /// Anything else SQLite reports.
        case other
    }

    /// What kind of failure it is.
    public let kind: Kind
    /// The file.
    public let path: String
    /// SQLite's or the system's own words; may be empty.
    public let detail: String

    package init(_ kind: Kind, path: String, detail: String = "") {
        self.kind = kind
        self.path = path
        self.detail = detail
    }

    /// The failure in one sentence, with what to do.
    public var description: String {
        let reason =
            switch kind {
            case .missing: "there is no such store. Name one that a sink has written"
            case .folderMissing: "its folder does not exist. Create it, or choose another path with --store"
            case .notWritable: "no permission to write it. Change the owner or mode of the file and its folder"
            case .notAStore: "it is no PoseBus store. Choose another path; this file was not touched"
            case .newerSchema: "a later release of PoseBus wrote it. Update PoseBus on this machine"
            case .inUse:
                "another sink, or posebus refine, is writing it. Stop that one, or choose another path with --store"
            case .diskFull: "the disk is full. Free some space"
            case .damaged: "its content is damaged. Set the file aside and recover it with sqlite3's .recover"
            case .busy: "another process has it locked. Close the program that writes to it"
            case .inputOutput: "the system could not read or write it. Check the disk and the kernel's log (dmesg)"
            case .lostCommits:
                "outcomes that had been committed are gone. The disk or its driver loses synced writes: replace it"
            case .gap: "an outcome was to be stored before its predecessors"
            case .other: "SQLite refused"
            }
        return "store \(path): \(reason)" + (detail.isEmpty ? "" : " (\(detail))")
    }

    public var errorDescription: String? { description }
}

extension StoreError {
    /// Translates an error of the database.
    init(_ error: any Error, path: String) {
        switch error {
        case let error as StoreError:
            self = error
        case let error as DatabaseError:
            self.init(
                Self.kind(of: error, path: path), path: path,
                detail: "\(error.message ?? "no message"), SQLite code \(error.extendedResultCode.rawValue)")
        default:
            self.init(.other, path: path, detail: String(describing: error))
        }
    }

    private static func kind(of error: DatabaseError, path: String) -> Kind {
        switch error.resultCode {
        case .SQLITE_FULL: .diskFull
        case .SQLITE_NOTADB: .notAStore
        case .SQLITE_CORRUPT: .damaged
        case .SQLITE_BUSY, .SQLITE_LOCKED: .busy
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH: .notWritable
        case .SQLITE_CANTOPEN: isFull(path) ? .diskFull : .notWritable
        // Without room SQLite cannot grow its own files either, and reports that as a failed write.
        case .SQLITE_IOERR: isFull(path) ? .diskFull : .inputOutput
        default: .other
        }
    }
}

/// Whether the disk under a file has no room left to speak of.
private func isFull(_ path: String) -> Bool {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    var disk = statvfs()
    return statvfs(folder, &disk) == 0 && UInt64(disk.f_bavail) * UInt64(disk.f_frsize) < 256 << 10
}

/// Runs database work and translates what it throws.
func translatingErrors<Value>(of path: String, _ work: () throws -> Value) throws(StoreError) -> Value {
    do {
        return try work()
    } catch {
        throw StoreError(error, path: path)
    }
}
