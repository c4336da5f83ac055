internal import Foundation
internal import Stage

/// Buffered lines to a file or to standard output. A reader that goes away (`| head`) is a clean end.
final class OutcomeOutput {
    private let handle: UnsafeMutablePointer<FILE>
    private let name: String

    /// Opens the output.
    ///
    /// - Parameter path: nil for standard output.
    init(path: String?) throws {
        name = path ?? "standard output"
        guard let path else {
            // A stream of its own on the same descriptor: C's global `stdout` is not safe to touch from Swift.
            guard let handle = fdopen(dup(STDOUT_FILENO), "w") else {
                throw StageFailure(
                    "standard output cannot be written: \(String(cString: strerror(errno)))", exitCode: .ioError)
            }
            self.handle = handle
            return
        }
        guard let handle = fopen(path, "w") else {
            throw StageFailure(
                "\(path) cannot be written: \(String(cString: strerror(errno)))", exitCode: .cannotCreate)
        }
        self.handle = handle
    }

    /// Writes one line.
    func write(line: some Collection<UInt8>) throws {
        let bytes = Array(line) + [UInt8(ascii: "\n")]
        guard fwrite(bytes, 1, bytes.count, handle) == bytes.count else { throw failure() }
    }

    /// Writes one line.
    func write(line: String) throws {
        try write(line: line.utf8)
    }

    /// Hands what is buffered to the reader now.
    func flush() throws {
        guard fflush(handle) == 0 else { throw failure() }
    }

    /// Makes sure that everything is written.
    func close() throws {
        guard fclose(handle) == 0 else { throw failure() }
    }

    private func failure() -> StageFailure {
        StageFailure("writing to \(name) failed: \(String(cString: strerror(errno)))", exitCode: .ioError)
    }
}
