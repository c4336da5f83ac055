package import Glibc
internal import Synchronization

/// How a child process ended.
package enum ProcessEnd: Sendable, Equatable, CustomStringConvertible {
    case status(Int32)
    case signal(Int32)

    package var description: String {
        switch self {
        case .status(let status): "ended with status \(status)"
        case .signal(let number): "was killed by signal \(number)"
        }
    }
}

/// A child process could not be started.
package struct SpawnError: Error, CustomStringConvertible {
    /// The program that was to run.
    package let program: String
    /// The system's reason, as in `errno`.
    package let code: Int32

    package var description: String { "\(program) could not be started: \(String(cString: strerror(code)))" }
}

/// What one of a child's standard streams is joined to.
package enum StandardStream: Sendable {
    /// Nothing: it reads as ended, and what is written is thrown away.
    case null
    /// A pipe, whose other end this process holds.
    case pipe
    /// This process' own standard error.
    case standardError
}

/// A child process in a process group of its own: a Ctrl-C in the terminal reaches only this process, which decides what
/// becomes of its children.
///
/// Its end is asked of the kernel (`waitid`), not concluded from the closing of a descriptor: a descriptor can be held
/// open by somebody else, and then a child that is long gone would count as running.
package final class SpawnedProcess: Sendable {
    /// Its process id. It stays reserved until its end has been noted here, so that `send` never meets a stranger.
    package let pid: pid_t
    /// This process' ends of the pipes, -1 where there is none. Whoever started the child closes them.
    package let input: Int32
    package let output: Int32
    package let errors: Int32
    private let noted = Mutex<ProcessEnd?>(nil)

    /// Children are started one at a time, or one that is started between `pipe` and `fcntl` would inherit the pipes of
    /// another and keep them open after that has ended.
    private static let starting = Mutex(())

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - program: its path, or its name in PATH.
    ///   - arguments: without the program's own name.
    ///   - environment: added to this process' own.
    /// - Throws: `SpawnError`, ENOENT where there is no such program.
    package init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        input: StandardStream = .null, output: StandardStream, errors: StandardStream
    ) throws(SpawnError) {
        let (pid, ends) = try Self.starting.withLock { _ throws(SpawnError) in
            try Self.start(program, arguments, environment, [(input, false), (output, true), (errors, true)])
        }
        self.pid = pid
        self.input = ends[0]
        self.output = ends[1]
        self.errors = ends[2]
    }

    /// How it ended; nil while it runs. Never waits.
    package var end: ProcessEnd? { noted.withLock { reap(&$0, WNOHANG) } }

    /// Waits for its end.
    @discardableResult
    package func wait() -> ProcessEnd {
        // Waited for without the lock and without freeing the process id, so that it can still be sent signals.
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        return noted.withLock { reap(&$0, 0) } ?? .status(0)
    }

    /// Sends it a signal, if it still runs.
    package func send(_ signal: Int32) {
        noted.withLock { end in
            guard reap(&end, WNOHANG) == nil else { return }
            kill(pid, signal)
        }
    }

    private func reap(_ end: inout ProcessEnd?, _ options: Int32) -> ProcessEnd? {
        if let end { return end }
        var status: Int32 = 0
        var result: pid_t
        repeat {
            result = waitpid(pid, &status, options)
        } while result < 0 && errno == EINTR
        guard result != 0 else { return nil }
        // Somebody else reaped it (result < 0): then it has ended, and nothing more is known.
        let signal = status & 0x7F
        end = result < 0 ? .status(0) : signal == 0 ? .status((status >> 8) & 0xFF) : .signal(signal)
        return end
    }
}

extension SpawnedProcess {
    private static func start(
        _ program: String, _ arguments: [String], _ environment: [String: String],
        _ streams: [(kind: StandardStream, isWritten: Bool)]
    ) throws(SpawnError) -> (pid: pid_t, ends: [Int32]) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var ends: [Int32] = []
        var childEnds: [Int32] = []
        defer { childEnds.forEach { close($0) } }
        func fail(_ code: Int32) -> SpawnError {
            ends.forEach { if $0 >= 0 { close($0) } }
            return SpawnError(program: program, code: code)
        }
        for (number, stream) in streams.enumerated() {
            var end: Int32 = -1
            switch stream.kind {
            case .null:
                posix_spawn_file_actions_addopen(
                    &actions, Int32(number), "/dev/null", stream.isWritten ? O_WRONLY : O_RDONLY, 0)
            case .standardError:
                posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, Int32(number))
            case .pipe:
                var both: [Int32] = [-1, -1]
                guard pipe(&both) == 0 else { throw fail(errno) }
                for end in both { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
                childEnds.append(stream.isWritten ? both[1] : both[0])
                end = stream.isWritten ? both[0] : both[1]
                posix_spawn_file_actions_adddup2(&actions, childEnds[childEnds.count - 1], Int32(number))
            }
            ends.append(end)
        }

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
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

        var argv = ([program] + arguments).map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        var variables: [UnsafeMutablePointer<CChar>?] =
            own(without: environment.keys)
            + environment.map {
                strdup("\($0)=\($1)")
            }
        defer { variables.forEach { free($0) } }
        variables.append(nil)
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, program, &actions, &attributes, &argv, &variables)
        guard result == 0 else { throw fail(result) }
        return (pid, ends)
    }

    /// Copies of this process' variables, without some.
    private static func own(without names: some Collection<String>) -> [UnsafeMutablePointer<CChar>?] {
        var copies: [UnsafeMutablePointer<CChar>?] = []
        var next = environ
        while let variable = next.pointee {
            let text = String(cString: variable)
            if !names.contains(where: { text.hasPrefix("\($0)=") }) { copies.append(strdup(text)) }
            next += 1
        }
        return copies
    }
}
