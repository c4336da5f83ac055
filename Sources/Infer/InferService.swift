internal import Engines
internal import Foundation
internal import JPEG
package import Logging
internal import Metering
internal import ServiceLifecycle
package import Stage
package import Status
internal import Synchronization
internal import ZeroMQ

/// The infer stage: one thread owns the sockets, some decode, one owns the engine.
///
///     socket thread ──FrameQueue──▶ decoding threads ──FrameQueue──▶ engine thread ──Mailbox──▶ socket thread
package struct InferService: Service {
    private let configuration: InferConfiguration
    private let logger: Logger
    private let watchdog: Watchdog
    /// Told what it does, and where it listens.
    private let status: RunningStatus

    package init(_ configuration: InferConfiguration, logger: Logger, watchdog: Watchdog, status: RunningStatus) {
        self.configuration = configuration
        self.logger = logger
        self.watchdog = watchdog
        self.status = status
    }

    package func run() async throws {
        // One more than can be decoded at once, so that the engine finds one while they decode.
        let queue = FrameQueue(decodedAhead: configuration.decodeThreads + 1)
        let finished = Mailbox<[FinishedFrame]>()
        let scales = ExpectedScales()
        let loaded = OneShot<EngineDescription>()
        let stop = StopSignal()
        let metrics = InferMetrics(status.status.metrics, queue: queue)

        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await runEngine(queue, finished, scales, loaded, metrics) }
                for number in 0..<configuration.decodeThreads {
                    let decoder = Decoder(
                        limits: configuration.imageLimits, threads: configuration.decodeThreads, time: metrics.decode,
                        scales: scales)
                    let pulse = watchdog.watch(
                        "decode-\(number)", meaning: "the frame that it decodes is not looked at")
                    group.addTask {
                        try await runOnThread(named: "decode-\(number)") { decoder.run(on: queue, pulse: pulse) }
                    }
                }
                group.addTask {
                    // However the socket's thread ends, nobody must wait for frames that cannot come.
                    defer { queue.close() }
                    guard let engine = await loaded.value else { return }
                    let pulse = watchdog.watch(
                        "infer-sockets", meaning: "no frame is received and no outcome leaves; ingest keeps the frames")
                    try await runOnThread(named: "infer-sockets") {
                        let loop = try InferSockets(
                            configuration, engine: engine, queue: queue, finished: finished, status: status.status,
                            metrics: metrics, logger: logger)
                        status.announce(loop.readiness)
                        defer { pulse.rest() }
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
        _ queue: FrameQueue, _ finished: Mailbox<[FinishedFrame]>, _ scales: ExpectedScales,
        _ loaded: OneShot<EngineDescription>, _ metrics: InferMetrics
    ) async throws {
        let configuration = configuration
        let logger = logger
        let pulse = watchdog.watch("engine", meaning: "no frame is looked at; ingest keeps them, live streams shed")
        try await runOnThread(named: "engine") {
            let engine: any PoseEngine
            do {
                engine = try configuration.engine.makeEngine(configuration.engineOptions)
            } catch {
                loaded.settle(nil)
                throw StageFailure("\(error)", exitCode: .configuration)
            }
            metrics.engineInfo[engine.name, engine.computing.device, engine.computing.precision].set(1)
            scales.begin(with: engine.firstScale)
            loaded.settle(EngineDescription(name: engine.name, needsPixels: engine.needsPixels))
            EngineLoop(
                engine: engine, queue: queue, finished: finished, scales: scales, maxBatch: configuration.maxBatch,
                maxWait: configuration.maxWait, logger: logger, metrics: metrics, pulse: pulse,
                patience: configuration.enginePatience, fault: configuration.fault
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
