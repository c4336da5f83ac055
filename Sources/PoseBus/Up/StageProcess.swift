internal import ArgumentParser
internal import Foundation
internal import Spawning
internal import Stage
internal import Synchronization

/// A stage run as a child process: started, watched until it is ready, stopped by its own process id.
final class StageProcess: Sendable {
    let name: String
    private let executable: URL
    private let arguments: [String]
    private let log: @Sendable (String) -> Void
    private let state = Mutex(State())
    /// Open once the stage is ready, or will never be.
    private let settled = Latch()
    /// Open once the stage has ended and all that it said has been read.
    private let ended = Latch()
    private struct State {
        var process: SpawnedProcess?
        var readiness: Readiness?
        var end: ProcessEnd?
        var hasSaidAll = false
        /// What it said before it was ready: the reason, should it end before that.
        var preamble: [String] = []
        var isStarting = true
        /// When it last said that all of its threads go on; nil before it is ready.
        var lastSign: ContinuousClock.Instant?
    }

    /// A stage that is not started yet.
    ///
    /// - Parameters:
    ///   - name: the executable, beside this one.
    ///   - onLog: called with each line the stage writes to standard error, once it is ready.
    init(_ name: String, _ arguments: [String], onLog: @escaping @Sendable (String) -> Void) throws {
        self.name = name
        log = onLog
        executable = try Sibling.url(of: name)
        self.arguments = arguments
    }

    /// Starts the stage and waits until it says that it is ready.
    ///
    /// - Throws: `StageFailure` with the stage's own words when it ends before that.
    func start() async throws -> Readiness {
        let process: SpawnedProcess
        do {
            // Its standard input is held open for its life: it stops when that closes.
            process = try SpawnedProcess(
                executable.path, arguments, environment: [supervisedVariable: "1"], input: .pipe, output: .pipe,
                errors: .pipe)
        } catch {
            throw StageFailure("\(error)", exitCode: .failure)
        }
        state.withLock { $0.process = process }
        forEachLine(process.output) { [weak self] line in
            guard let self else { return }
            if let readiness = Readiness(line: line) { becomeReady(readiness) }
            state.withLock { $0.lastSign = .now }
        }
        forEachLine(process.errors) { [weak self] line in
            self?.hear(line)
        } atEnd: { [weak self] in
            self?.note { $0.hasSaidAll = true }
        }
        let waiter = Thread { [weak self] in
            let end = process.wait()
            close(process.input)
            self?.note { $0.end = end }
        }
        waiter.name = "end of \(name)"
        waiter.start()
        await settled.wait()
        if let readiness = state.withLock({ $0.readiness }) { return readiness }
        throw startFailure
    }

    /// The child's process id; 0 before it is started.
    var processID: Int32 { state.withLock { $0.process?.pid } ?? 0 }

    /// How long it has not said that its threads go on; nil before it is ready and after its end.
    var silence: Duration? {
        state.withLock { $0.end == nil ? $0.lastSign : nil }.map { ContinuousClock.now - $0 }
    }

    /// Asks the stage to drain and end.
    func terminate() {
        state.withLock { $0.process }?.send(SIGTERM)
    }

    /// Ends the stage at once.
    func kill() {
        state.withLock { $0.process }?.send(SIGKILL)
    }

    /// Waits for the end.
    @discardableResult
    func end() async -> ProcessEnd {
        await ended.wait()
        return state.withLock { $0.end ?? .status(0) }
    }

    // MARK: - What the child says

    private func becomeReady(_ readiness: Readiness) {
        let said = state.withLock { state in
            state.readiness = readiness
            state.isStarting = false
            defer { state.preamble = [] }
            return state.preamble
        }
        said.forEach(log)
        settled.open()
    }

    private func hear(_ line: String) {
        let isLogged = state.withLock { state in
            guard state.isStarting else { return true }
            state.preamble = state.preamble.suffix(Self.longestPreamble - 1) + [line]
            return false
        }
        if isLogged { log(line) }
    }

    private static let longestPreamble = 20

    private func note(_ change: (inout State) -> Void) {
        let isOver = state.withLock { state in
            change(&state)
            return state.end != nil && state.hasSaidAll
        }
        guard isOver else { return }
        settled.open()
        ended.open()
    }

    private var startFailure: StageFailure {
        let (end, said) = state.withLock { ($0.end ?? .status(0), $0.preamble) }
        // A stage says its reason as "posebus-sink: …"; what it logged before is not it.
        let own = said.last { $0.hasPrefix("\(name): ") } ?? said.last.map { "\(name): \($0)" }
        return StageFailure(own ?? "\(name) \(end) before it was ready, and said nothing", exitCode: end.exitCode)
    }
}

extension ProcessEnd {
    /// What this process ends with when it has to give up for that reason.
    var exitCode: ExitCode {
        if case .status(let status) = self, status != 0 { ExitCode(status) } else { .failure }
    }
}

/// Calls `body` with every line a pipe delivers, and `atEnd` when it is closed, on a thread of its own.
private func forEachLine(
    _ pipe: Int32, _ body: @escaping @Sendable (String) -> Void, atEnd: @escaping @Sendable () -> Void = {}
) {
    let handle = FileHandle(fileDescriptor: pipe, closeOnDealloc: true)
    Thread.detachNewThread {
        var rest = Data()
        while case let chunk = handle.availableData, !chunk.isEmpty {
            rest.append(chunk)
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                body(String(decoding: rest[rest.startIndex..<end], as: UTF8.self))
                rest = Data(rest[rest.index(after: end)...])
            }
        }
        if !rest.isEmpty { body(String(decoding: rest, as: UTF8.self)) }
        atEnd()
    }
}
