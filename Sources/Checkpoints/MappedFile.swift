public import Foundation

/// A file's bytes, mapped rather than read, so that a large checkpoint costs memory only where it is touched.
///
/// `@unchecked Sendable`: the address and length are set once, the mapping is private and read-only, and nothing writes
/// to it. A file that another program shortens while it is mapped would end the process (SIGBUS); weights are therefore
/// replaced by renaming a new file over the old, never in place.
public final class MappedFile: @unchecked Sendable {
    /// Where the bytes came from, for messages.
    public let name: String
    private let buffer: UnsafeRawBufferPointer
    private let isMapping: Bool

    /// The number of bytes.
    public var count: Int { buffer.count }

    /// Maps a file.
    ///
    /// - Throws: `CheckpointError` where it cannot be opened, is no regular file or is empty.
    public init(contentsOf url: URL) throws(CheckpointError) {
        name = url.path
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let code = errno
            throw CheckpointError(
                file: url.path, .unreadable, "it cannot be opened: \(String(cString: strerror(code)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw CheckpointError(file: url.path, .unreadable, "it is not a regular file")
        }
        let length = Int(status.st_size)
        guard length > 0 else { throw CheckpointError(file: url.path, .malformed, "it is empty") }
        let address = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            let code = errno
            throw CheckpointError(
                file: url.path, .unreadable, "it cannot be mapped: \(String(cString: strerror(code)))")
        }
        buffer = UnsafeRawBufferPointer(start: address, count: length)
        isMapping = true
    }

    /// A copy of bytes in memory, for data that is in no file.
    public init(copying bytes: some Collection<UInt8>, name: String) {
        self.name = name
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        copy.copyBytes(from: bytes)
        buffer = UnsafeRawBufferPointer(copy)
        isMapping = false
    }

    /// Takes over memory that `allocate` gave, for data that was unpacked.
    init(owning memory: UnsafeMutableRawBufferPointer, name: String) {
        self.name = name
        buffer = UnsafeRawBufferPointer(memory)
        isMapping = false
    }

    /// All of it.
    var slice: FileSlice { FileSlice(file: self, range: 0..<count) }

    deinit {
        if isMapping {
            munmap(UnsafeMutableRawPointer(mutating: buffer.baseAddress), buffer.count)
        } else {
            buffer.deallocate()
        }
    }

    /// Gives a range's pages back to the system, which reads them from the file again if they are needed once more.
    /// Pages that the range shares with its neighbours stay.
    func release(_ range: Range<Int>) {
        guard isMapping, let base = buffer.baseAddress else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (range.lowerBound + page - 1) / page * page
        let last = range.upperBound / page * page
        guard first < last else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + first), last - first, MADV_DONTNEED)
    }

    /// Lends all bytes. The buffer must not leave `body`.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(buffer)
    }
}

/// A range of a mapped file.
public struct FileSlice: Sendable {
    /// The file the bytes are in, kept open by the slice.
    public let file: MappedFile
    /// Where they are in it; within the file by construction.
    public let range: Range<Int>

    /// The number of bytes.
    public var count: Int { range.count }

    /// A range that the caller has checked to lie within the file.
    init(file: MappedFile, range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= file.count)
        self.file = file
        self.range = range
    }

    /// Gives the pages back to the system until the bytes are needed again.
    func release() { file.release(range) }

    /// Lends the bytes. The buffer must not leave `body`. Nothing is known about their alignment.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try file.withUnsafeBytes { bytes throws(Failure) in try body(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    }
}
