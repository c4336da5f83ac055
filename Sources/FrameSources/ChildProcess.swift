package import Foundation
internal import Spawning

/// A child process whose standard output and error are read in one place.
///
/// Standard error is drained while output is read, so that a talkative child never blocks, and only its end is kept.
package final class ChildProcess {
    package private(set) var errorText = ""
    private let name: String
    private let process: SpawnedProcess
    private var errors: Int32
    private static let keptErrorBytes = 4096

    /// Starts a program found in PATH.
    ///
    /// - Throws: `FrameSourceError` that says what to install if the program is missing.
    package init(_ name: String, _ arguments: [String]) throws(FrameSourceError) {
        self.name = name
        do throws(SpawnError) {
            // Debian's ffmpeg brings OpenBLAS along, which otherwise begins with threads that it never gives work.
            process = try SpawnedProcess(
                name, arguments, environment: ["OPENBLAS_NUM_THREADS": "1"], output: .pipe, errors: .pipe)
        } catch {
            throw FrameSourceError(
                error.code == ENOENT
                    ? "\(name) is not installed; it is needed to read videos. Install it with: apt-get install ffmpeg"
                    : "\(error)")
        }
        errors = process.errors
        // Fewer wake-ups with large frames; where the system's limit is lower, the default does too.
        let setPipeSize: Int32 = 1031  // F_SETPIPE_SZ, which glibc shows to GNU programs only
        _ = fcntl(process.output, setPipeSize, 1 << 20)
    }

    deinit {
        end()
        close(process.output)
        close(errors)
    }

    /// Reads what is there of the output, at most `capacity` bytes. Empty at the end of the output or once stopped.
    package func read(
        capacity: Int = 1 << 18, deadlineNs: Int64? = nil, stop: SourceStop?
    ) throws(FrameSourceError) -> [UInt8] {
        guard try waitForOutput(deadlineNs: deadlineNs, stop: stop) else {
            if stop?.isStopped == true { return [] }
            throw FrameSourceError("\(name) gave no answer in time\(errorSuffix)")
        }
        return try readChunk(process.output, capacity: capacity, name: outputName)
    }

    /// Reads what is there of the output into memory of the caller's.
    ///
    /// - Returns: how many bytes; 0 at the end of the output or once stopped.
    func read(into buffer: UnsafeMutableRawBufferPointer, stop: SourceStop?) throws(FrameSourceError) -> Int {
        guard try waitForOutput(stop: stop) else { return 0 }
        return try readOnce(process.output, into: buffer, name: outputName)
    }

    /// Waits until there is output to read, or its end.
    ///
    /// - Returns: false once stopped, or where the deadline has passed before.
    func waitForOutput(deadlineNs: Int64? = nil, stop: SourceStop?) throws(FrameSourceError) -> Bool {
        while stop?.isStopped != true {
            if let deadlineNs, unixTimeNs() > deadlineNs { return false }
            var watched = [
                pollfd(fd: process.output, events: Int16(POLLIN), revents: 0),
                pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&watched, 2, SourceStop.checkIntervalMs)
            if ready < 0, errno != EINTR { throw FrameSourceError("poll: \(String(cString: strerror(errno)))") }
            guard ready > 0 else { continue }
            if watched[1].revents != 0 { drainErrors() }
            if watched[0].revents != 0 { return true }
        }
        return false
    }

    private var outputName: String { "the output of \(name)" }

    /// Waits for the child to end by itself and returns its exit status (128 + signal if killed by one).
    package func wait() -> Int32 {
        while errors >= 0, drainErrors() {}
        return switch process.wait() {
        case .status(let status): status
        case .signal(let number): 128 + number
        }
    }

    /// Its process id.
    package var pid: pid_t { process.pid }

    /// Ends the child: a polite signal, then a firm one.
    func end() {
        process.send(SIGTERM)
        for _ in 0..<20 where process.end == nil { usleep(10_000) }
        process.send(SIGKILL)
        process.wait()
    }

    /// The child's last words, for the end of an error message.
    package var errorSuffix: String {
        let text = errorText.trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? "" : ": \(text)"
    }

    /// Reads the error pipe once; false at its end.
    @discardableResult
    private func drainErrors() -> Bool {
        guard let bytes = try? readChunk(errors, capacity: 4096, name: "errors"), !bytes.isEmpty else {
            close(errors)
            errors = -1  // poll ignores it from now on
            return false
        }
        errorText += String(decoding: bytes, as: UTF8.self)
        if errorText.utf8.count > Self.keptErrorBytes {
            errorText = String(decoding: errorText.utf8.suffix(Self.keptErrorBytes / 2), as: UTF8.self)
        }
        return true
    }
}

/// Reads once from a descriptor; empty at its end.
func readChunk(_ descriptor: Int32, capacity: Int, name: String) throws(FrameSourceError) -> [UInt8] {
    var failure: FrameSourceError?
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        do throws(FrameSourceError) {
            count = try readOnce(descriptor, into: UnsafeMutableRawBufferPointer(buffer), name: name)
        } catch {
            failure = error
        }
    }
    if let failure { throw failure }
    return bytes
}

/// Reads once from a descriptor into memory; 0 at its end.
private func readOnce(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, name: String
) throws(FrameSourceError) -> Int {
    var got: Int
    repeat {
        got = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
    } while got < 0 && errno == EINTR
    guard got >= 0 else {
        let failure = errno
        throw FrameSourceError("could not read \(name): \(String(cString: strerror(failure)))")
    }
    return got
}
