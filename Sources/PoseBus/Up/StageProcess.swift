internal import ArgumentParser
internal import Foundation
internal import Stage
internal import Synchronization

/// A stage run as a child process: started, watched until it is ready, stopped by its own process id.
final class StageProcess: @unchecked Sendable {
    // Unchecked: `Process` is not Sendable. It is configured in `init` and started once in `start()`; afterwards only
    // its process id and its termination are asked for, which Foundation guards itself.
    let name: String
    private let process = Process()
    private let readiness = Mutex<ReadinessState>(.waiting(nil))
    private let ended = Mutex<EndState>(.running([]))
    /// When it last said that all of its threads go on; nil before it is ready.
    private let lastSign = Mutex<ContinuousClock.Instant?>(nil)
    /// Held open for the child's life: it stops when this closes.
    private let lifeline = Pipe()

    private enum ReadinessState {
        case waiting(CheckedContinuation<Readiness?, Never>?)
        case settled(Readiness?)
    }

    private enum EndState {
        case running([CheckedContinuation<Int32, Never>])
        case ended(Int32)
    }

    /// A stage that is not started yet.
    ///
    /// - Parameters:
    ///   - name: the executable, beside this one.
    ///   - onLog: called with each line the stage writes to standard error.
    init(_ name: String, _ arguments: [String], onLog: @escaping @Sendable (String) -> Void) throws {
        self.name = name
        process.executableURL = try Self.executable(name)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging([supervisedVariable: "1"]) { $1 }
        process.standardInput = lifeline
        let output = Pipe()
        process.standardOutput = output
        let errors = Pipe()
        process.standardError = errors
        forEachLine(output) { [weak self] line in
            guard let self else { return }
            if let readiness = Readiness(line: line) { settle(readiness) }
            lastSign.withLock { $0 = .now }
        }
        forEachLine(errors, onLog)
        process.terminationHandler = { [weak self] process in self?.didEnd(process.terminationStatus) }
    }

    /// Starts the stage and waits until it says that it is ready.
    ///
    /// - Throws: `StageFailure` when it ends before that.
    func start() async throws -> Readiness {
        do {
            try process.run()
        } catch {
            throw StageFailure("\(name) could not be started: \(error.localizedDescription)", exitCode: .failure)
        }
        guard let ready = await awaitReadiness() else {
            let status = await exitStatus()
            throw StageFailure(
                "\(name) ended with status \(status) before it was ready; its message stands above",
                exitCode: ExitCode(status == 0 ? 1 : status))
        }
        return ready
    }

    private func awaitReadiness() async -> Readiness? {
        await withCheckedContinuation { (continuation: CheckedContinuation<Readiness?, Never>) in
            let settled = readiness.withLock { state -> Readiness?? in
                if case .settled(let value) = state { return .some(value) }
                state = .waiting(continuation)
                return .none
            }
            if let settled { continuation.resume(returning: settled) }
        }
    }

    /// The child's process id.
    var processID: Int32 { process.processIdentifier }

    /// How long it has not said that its threads go on; nil before it is ready and after its end.
    var silence: Duration? {
        guard process.isRunning else { return nil }
        return lastSign.withLock { $0 }.map { ContinuousClock.now - $0 }
    }

    /// Asks the stage to drain and end.
    func terminate() {
        if process.isRunning { process.terminate() }
    }

    /// Ends the stage at once.
    func kill() {
        if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) }
    }

    /// Waits for the end and gives the exit status (for a signal: its number).
    func exitStatus() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status: Int32? = ended.withLock { state in
                switch state {
                case .ended(let status): return status
                case .running(let waiting):
                    state = .running(waiting + [continuation])
                    return nil
                }
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    private func settle(_ value: Readiness?) {
        let waiting = readiness.withLock { state -> CheckedContinuation<Readiness?, Never>? in
            guard case .waiting(let continuation) = state else { return nil }
            state = .settled(value)
            return continuation
        }
        waiting?.resume(returning: value)
    }

    private func didEnd(_ status: Int32) {
        settle(nil)
        let waiting = ended.withLock { state -> [CheckedContinuation<Int32, Never>] in
            guard case .running(let waiting) = state else { return [] }
            state = .ended(status)
            return waiting
        }
        waiting.forEach { $0.resume(returning: status) }
    }

    private static func executable(_ name: String) throws -> URL {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let url = own.deletingLastPathComponent().appendingPathComponent(name)
        guard FileManager.default.isExecutableFile(atPath: url.path) else {
            throw StageFailure(
                "\(url.path) is missing: posebus starts the stages that lie beside it. Build them with swift build",
                exitCode: .configuration)
        }
        return url
    }
}

/// Calls `body` with every line a pipe delivers, on a thread of its own.
private func forEachLine(_ pipe: Pipe, _ body: @escaping @Sendable (String) -> Void) {
    let handle = pipe.fileHandleForReading
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
    }
}
