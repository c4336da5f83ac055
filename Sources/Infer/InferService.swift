internal import Engines
internal import Foundation
internal import JPEG
package import Logging
internal import ServiceLifecycle
package import Stage
internal import Synchronization
internal import ZeroMQ

/// The infer stage: one thread owns the sockets, some decode, one owns the engine.
///
///     socket thread ──FrameQueue──▶ decoding threads ──FrameQueue──▶ engine thread ──Mailbox──▶ socket thread
package struct InferService: Service {
    private let configuration: InferConfiguration
    private let logger: Logger
    private let watchdog: Watchdog?
    /// Told where the stage listens; by default it prints the ready line.
    private let onReady: @Sendable (Readiness) -> Void

    package init(
        _ configuration: InferConfiguration, logger: Logger, watchdog: Watchdog? = nil,
        onReady: @escaping @Sendable (Readiness) -> Void = { $0.announce() }
    ) {
        self.configuration = configuration
        self.logger = logger
        self.watchdog = watchdog
        self.onReady = onReady
    }

    package func run() async throws {
        let queue = FrameQueue()
        let finished = Mailbox<[FinishedFrame]>()
        let loaded = OneShot<EngineDescription>()
        let stop = StopSignal()

        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await runEngine(queue, finished, loaded) }
                for number in 0..<configuration.decodeThreads {
                    let decoder = Decoder(limits: configuration.imageLimits, threads: configuration.decodeThreads)
                    let pulse = watchdog?.watch(
                        "decode-\(number)", meaning: "the frame that it decodes is not looked at")
                    group.addTask {
                        try await runOnThread(named: "decode-\(number)") { decoder.run(on: queue, pulse: pulse) }
                    }
                }
                group.addTask {
                    // However the socket's thread ends, nobody must wait for frames that cannot come.
                    defer { queue.close() }
                    guard let engine = await loaded.value else { return }
                    let pulse = watchdog?.watch(
                        "infer-sockets", meaning: "no frame is received and no outcome leaves; ingest keeps the frames")
                    try await runOnThread(named: "infer-sockets") {
                        let loop = try InferSockets(
                            configuration, engine: engine, queue: queue, finished: finished, logger: logger)
                        onReady(loop.readiness)
                        defer { pulse?.rest() }
                        try loop.run(until: stop, pulse: pulse)
                    }
                }
                try await group.waitForAll()
            }
        } onGracefulShutdown: {
            stop.request()
        }
    }

    private func runEngine(
        _ queue: FrameQueue, _ finished: Mailbox<[FinishedFrame]>, _ loaded: OneShot<EngineDescription>
    ) async throws {
        let configuration = configuration
        let logger = logger
        let pulse = watchdog?.watch("engine", meaning: "no frame is looked at; ingest keeps them, live streams shed")
        try await runOnThread(named: "engine") {
            let engine: any PoseEngine
            do {
                engine = try configuration.engine.makeEngine(configuration.engineOptions)
            } catch {
                loaded.settle(nil)
                throw StageFailure("\(error)", exitCode: .configuration)
            }
            loaded.settle(EngineDescription(name: engine.name, needsPixels: engine.needsPixels))
            EngineLoop(
                engine: engine, queue: queue, finished: finished, maxBatch: configuration.maxBatch,
                maxWait: configuration.maxWait, logger: logger, pulse: pulse, patience: configuration.enginePatience,
                fault: configuration.fault
            ).run()
        }
    }
}

/// What the socket's thread needs to know of the engine, which belongs to another thread.
struct EngineDescription: Sendable {
    let name: String
    let needsPixels: Bool
}

/// A value that is set once, by a thread, and awaited by a task.
final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case open([CheckedContinuation<Value?, Never>])
        case settled(Value?)
    }

    private let state = Mutex<State>(.open([]))

    /// The value, or nil where there will be none.
    var value: Value? {
        get async {
            await withCheckedContinuation { continuation in
                let settled: Value?? = state.withLock { state in
                    switch state {
                    case .settled(let value): return .some(value)
                    case .open(let waiting):
                        state = .open(waiting + [continuation])
                        return nil
                    }
                }
                if let settled { continuation.resume(returning: settled) }
            }
        }
    }

    /// Sets the value; only the first time counts.
    func settle(_ value: Value?) {
        let waiting = state.withLock { state -> [CheckedContinuation<Value?, Never>] in
            guard case .open(let waiting) = state else { return [] }
            state = .settled(value)
            return waiting
        }
        waiting.forEach { $0.resume(returning: value) }
    }
}
