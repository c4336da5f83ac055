package import Foundation

/// A file that is written from its beginning to its end. It takes its name once it is whole: what breaks off leaves
/// nothing that looks like a result.
package final class ExportFile {
    private let handle: UnsafeMutablePointer<FILE>
    private let name: String
    /// Where the bytes go until the file is whole; nil where they go to their place at once, as into a pipe.
    private let unfinished: String?
    private var isClosed = false
    /// How many bytes have been written.
    package private(set) var count = 0

    /// Opens a file; `/dev/stdout` is this process' standard output.
    ///
    /// - Throws: `ExportError`.
    package init(_ url: URL) throws(ExportError) {
        name = url.path
        if name == "/dev/stdout" {
            // A stream of its own on the same descriptor: C's global `stdout` is not safe to touch from Swift.
            guard let handle = fdopen(dup(STDOUT_FILENO), "w") else {
                throw ExportError(
                    .inputOutput, "standard output cannot be written: \(String(cString: strerror(errno)))")
            }
            (self.handle, unfinished) = (handle, nil)
            return
        }
        var information = stat()
        let isSpecial = stat(name, &information) == 0 && information.st_mode & S_IFMT != S_IFREG
        let path = isSpecial ? name : name + ".unfinished"
        guard let handle = fopen(path, "w") else {
            throw ExportError(.inputOutput, "\(name) cannot be written: \(String(cString: strerror(errno)))")
        }
        (self.handle, unfinished) = (handle, isSpecial ? nil : path)
    }

    /// Standard output.
    package static func standardOutput() throws(ExportError) -> ExportFile {
        try ExportFile(URL(fileURLWithPath: "/dev/stdout"))
    }

    deinit {
        guard !isClosed else { return }
        fclose(handle)
        if let unfinished { unlink(unfinished) }
    }

    /// Writes bytes.
    package func write(_ bytes: some Collection<UInt8>) throws(ExportError) {
        let written =
            bytes.withContiguousStorageIfAvailable { fwrite($0.baseAddress, 1, $0.count, handle) }
            ?? Array(bytes).withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, handle) }
        guard written == bytes.count else { throw failure() }
        count += written
    }

    /// Writes a text.
    package func write(_ text: String) throws(ExportError) {
        try write(text.utf8)
    }

    /// Writes one line.
    package func write(line: some Collection<UInt8>) throws(ExportError) {
        try write(line)
        guard putc(0x0a, handle) == 0x0a else { throw failure() }
        count += 1
    }

    /// Writes one line.
    package func write(line: String) throws(ExportError) {
        try write(line: line.utf8)
    }

    /// Writes over what has been written, which must have been as long.
    func overwrite(at offset: Int, with bytes: [UInt8]) throws(ExportError) {
        guard fseek(handle, offset, SEEK_SET) == 0, fwrite(bytes, 1, bytes.count, handle) == bytes.count,
            fseek(handle, 0, SEEK_END) == 0
        else { throw failure() }
    }

    /// Hands what is buffered to the reader now.
    package func flush() throws(ExportError) {
        guard fflush(handle) == 0 else { throw failure() }
    }

    /// Makes sure that everything is written, and gives the file its name.
    package func close() throws(ExportError) {
        isClosed = true
        guard fclose(handle) == 0, unfinished.map({ rename($0, name) == 0 }) ?? true else {
            let failure = failure()
            if let unfinished { unlink(unfinished) }
            throw failure
        }
    }

    private func failure() -> ExportError {
        let reason = String(cString: strerror(errno))
        let name = name == "/dev/stdout" ? "standard output" : name
        return ExportError(.inputOutput, "writing to \(name) failed: \(reason)")
    }
}
