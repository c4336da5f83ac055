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
            process = try SpawnedProcess(name, arguments, output: .pipe, errors: .pipe)
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
        while stop?.isStopped != true {
            if let deadlineNs, unixTimeNs() > deadlineNs {
                throw FrameSourceError("\(name) gave no answer in time\(errorSuffix)")
            }
            var watched = [
                pollfd(fd: process.output, events: Int16(POLLIN), revents: 0),
                pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&watched, 2, SourceStop.checkIntervalMs)
            if ready < 0, errno != EINTR { throw FrameSourceError("poll: \(String(cString: strerror(errno)))") }
            guard ready > 0 else { continue }
            if watched[1].revents != 0 { drainErrors() }
            if watched[0].revents != 0 {
                return try readChunk(process.output, capacity: capacity, name: "the output of \(name)")
            }
        }
        return []
    }

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
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        var got: Int
        repeat {
            got = Foundation.read(descriptor, buffer.baseAddress, capacity)
        } while got < 0 && errno == EINTR
        if got < 0 { failure = errno }
        count = max(got, 0)
    }
    guard failure == 0 else { throw FrameSourceError("could not read \(name): \(String(cString: strerror(failure)))") }
    return bytes
}
