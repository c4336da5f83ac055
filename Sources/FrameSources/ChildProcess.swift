package import Foundation
internal import Synchronization

/// A child process whose standard output and error are read in one place.
///
/// Standard error is drained while output is read, so that a talkative child never blocks, and only its end is kept.
/// The child has its own process group: a Ctrl-C in the terminal reaches the parent, which then ends the child.
package final class ChildProcess {
    package private(set) var errorText = ""
    private let name: String
    package let pid: pid_t
    private var output: Int32
    private var errors: Int32
    private var exitStatus: Int32?
    private static let keptErrorBytes = 4096
    private static let starting = Mutex(())
    private typealias Pipe = (read: Int32, write: Int32)

    /// Starts a program found in PATH.
    ///
    /// - Throws: `FrameSourceError` that says what to install if the program is missing.
    package init(_ name: String, _ arguments: [String]) throws(FrameSourceError) {
        self.name = name
        // One at a time, or a child started between `pipe` and `fcntl` would inherit the other's pipes and keep them
        // open after it has ended.
        let (outputPipe, errorPipe, child, result) = try Self.starting.withLock { _ throws(FrameSourceError) in
            let outputPipe = try Self.makePipe()
            let errorPipe: Pipe
            do throws(FrameSourceError) {
                errorPipe = try Self.makePipe()
            } catch {
                close(outputPipe.read)
                close(outputPipe.write)
                throw error
            }
            // Fewer wake-ups with large frames; where the system's limit is lower, the default does too.
            let setPipeSize: Int32 = 1031  // F_SETPIPE_SZ, which glibc shows to GNU programs only
            _ = fcntl(outputPipe.write, setPipeSize, 1 << 20)
            var child: pid_t = 0
            let result = Self.spawn(&child, name, arguments, output: outputPipe.write, errors: errorPipe.write)
            close(outputPipe.write)
            close(errorPipe.write)
            return (outputPipe, errorPipe, child, result)
        }
        output = outputPipe.read
        errors = errorPipe.read
        pid = child
        guard result == 0 else {
            exitStatus = result
            if result == ENOENT {
                throw FrameSourceError(
                    "\(name) is not installed; it is needed to read videos. Install it with: apt-get install ffmpeg")
            }
            throw FrameSourceError("could not start \(name): \(String(cString: strerror(result)))")
        }
    }

    deinit {
        end()
        close(output)
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
                pollfd(fd: output, events: Int16(POLLIN), revents: 0),
                pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&watched, 2, SourceStop.checkIntervalMs)
            if ready < 0, errno != EINTR { throw FrameSourceError("poll: \(String(cString: strerror(errno)))") }
            guard ready > 0 else { continue }
            if watched[1].revents != 0 { drainErrors() }
            if watched[0].revents != 0 {
                return try readChunk(output, capacity: capacity, name: "the output of \(name)")
            }
        }
        return []
    }

    /// Waits for the child to end by itself and returns its exit status (128 + signal if killed by one).
    package func wait() -> Int32 {
        while errors >= 0, drainErrors() {}
        return reap(options: 0) ?? 0
    }

    /// Ends the child: a polite signal, then a firm one.
    func end() {
        guard exitStatus == nil else { return }
        kill(pid, SIGTERM)
        for _ in 0..<20 {
            if reap(options: WNOHANG) != nil { return }
            usleep(10_000)
        }
        kill(pid, SIGKILL)
        _ = reap(options: 0)
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

    private func reap(options: Int32) -> Int32? {
        if let exitStatus { return exitStatus }
        var status: Int32 = 0
        var result: pid_t
        repeat {
            result = waitpid(pid, &status, options)
        } while result < 0 && errno == EINTR
        guard result != 0 else { return nil }
        // Somebody else reaped it (result < 0): then it has ended, and nothing more is known.
        let signal = status & 0x7F
        exitStatus = result < 0 ? 0 : signal == 0 ? (status >> 8) & 0xFF : 128 + signal
        return exitStatus
    }

    private static func makePipe() throws(FrameSourceError) -> Pipe {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw FrameSourceError("could not make a pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func spawn(
        _ pid: inout pid_t, _ name: String, _ arguments: [String], output: Int32, errors: Int32
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The stages block signals in their threads; a child must not inherit that, or SIGTERM could not end it.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var argv = ([name] + arguments).map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        return posix_spawnp(&pid, name, &actions, &attributes, &argv, environ)
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
