internal import Client
internal import Foundation
package import Logging
package import Messages
package import Stage
internal import Synchronization
package import ZeroMQ

/// Sends single pictures, of which many may be under way at once, and answers each with its own outcome.
///
/// They go as the frames of one stream of stills: each stands for itself, whoever is in it. Two threads do the work, one
/// that feeds and one that reads results, each with sockets of its own. An outcome's picture is known by the time it was
/// given, to the nanosecond and never twice the same, so that another feeder of the same stream cannot answer for it; a
/// refusal's by the feeder's number.
package final class StillFeeder: Sendable {
    /// Where the bus is.
    package struct Configuration: Sendable {
        /// Ingest's ROUTER.
        package var ingest: String
        /// The sink's results.
        package var results: String
        /// The sink's replay.
        package var replay: String
        /// The stream that the pictures are fed as.
        package var stream: StreamName
        /// Pictures that may be under way at once.
        package var capacity = 256
        /// Bytes of the pictures under way; one alone is always taken.
        package var maxBytes = 256 << 20

        package init(ingest: String, results: String, replay: String, stream: StreamName) {
            self.ingest = ingest
            self.results = results
            self.replay = replay
            self.stream = stream
        }
    }

    /// Why a picture has no outcome.
    package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// Too many are under way.
        case busy(Int)
        /// Ingest did not take it; its reason, which begins with a word such as `corrupt_jpeg`.
        case refused(String)
        /// No outcome came in time.
        case late(Duration)
        /// The gateway stops.
        case stopping

        package var description: String {
            switch self {
            case .busy(let count): "\(count) pictures are being processed already, which is the limit; try again later"
            case .refused(let reason): "the picture was refused: \(reason)"
            case .late(let duration):
                "no result came within \(Int(duration / .seconds(1))) s; look at /v1/status for the stage that is away"
            case .stopping: "the gateway is stopping"
            }
        }
    }

    private struct Waiting {
        let jpeg: Message
        let trace: TraceContext?
        let timeout: Duration
        let deadline: ContinuousClock.Instant
        let continuation: CheckedContinuation<Outcome, any Error>
        /// The feeder's, once it was given to it.
        var number: CameraFrame?
    }

    private struct State {
        /// By the time each was given.
        var waiting: [Timestamp: Waiting] = [:]
        /// By the feeder's number.
        var numbers: [CameraFrame: Timestamp] = [:]
        var latest = Timestamp(nanoseconds: 0)
        var bytes = 0
        var isStopped = false
    }

    private let configuration: Configuration
    private let context: Context
    private let logger: Logger
    private let state = Mutex(State())
    private let arrivals = Mailbox<Timestamp>()
    private let isListening = Atomic<Bool>(false)

    package init(_ configuration: Configuration, in context: Context, logger: Logger) {
        self.configuration = configuration
        self.context = context
        self.logger = logger
    }

    /// Pictures under way.
    package var pending: Int { state.withLock { $0.waiting.count } }

    /// Sends a picture and waits for its outcome.
    ///
    /// - Parameter trace: where the picture belongs in a trace of whoever asks.
    /// - Throws: `Failure`. A picture that has none in time keeps its place on the bus, and its outcome in the store.
    package func outcome(of jpeg: Message, timeout: Duration, trace: TraceContext? = nil) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            let refusal: Failure? = state.withLock { state in
                if state.isStopped { return .stopping }
                let isRoom =
                    state.waiting.count < configuration.capacity
                    && (state.waiting.isEmpty || state.bytes + jpeg.count <= configuration.maxBytes)
                guard isRoom else { return .busy(state.waiting.count) }
                state.bytes += jpeg.count
                let time = Timestamp(nanoseconds: max(Timestamp.now.nanoseconds, state.latest.nanoseconds + 1))
                state.latest = time
                state.waiting[time] = Waiting(
                    jpeg: jpeg, trace: trace, timeout: timeout, deadline: .now + timeout, continuation: continuation)
                arrivals.post(time)
                return nil
            }
            if let refusal { continuation.resume(throwing: refusal) }
        }
    }

    // MARK: - Feeding

    /// The feeding thread's life.
    package func feed(until stop: StopSignal) throws {
        defer { end() }
        let feeder = try Feeder(
            stream: configuration.stream, to: configuration.ingest, in: context, delivery: .lossless,
            wakeUp: arrivals.fileDescriptor)
        var refused = 0
        func goOn() -> Bool {
            takeRefusals(feeder, &refused)
            expire()
            return !stop.isRequested
        }
        while !stop.isRequested {
            // Before somebody listens an outcome could pass by.
            let news = isListening.load(ordering: .acquiring) ? arrivals.drain() : []
            for time in news {
                guard let picture = state.withLock({ $0.waiting[time] }) else { continue }
                let number = try feeder.send(
                    jpeg: picture.jpeg, captureTime: time, isStill: true, trace: picture.trace, whileWaiting: goOn)
                guard let number else { break }
                state.withLock { state in
                    guard state.waiting[time] != nil else { return }
                    state.waiting[time]?.number = number
                    state.numbers[number] = time
                }
            }
            if isListening.load(ordering: .acquiring) {
                try feeder.idle(for: .milliseconds(100))
            } else {
                Thread.sleep(forTimeInterval: 0.02)
            }
            _ = goOn()
        }
        end()
        let patience = ContinuousClock.now + .seconds(1)
        // An ingest that is gone, as when a whole pipeline is stopped, needs no end of a stream.
        _ = try feeder.end { feeder.isConnected && .now < patience }
    }

    private func takeRefusals(_ feeder: Feeder, _ known: inout Int) {
        let new = feeder.refusedCount - known
        known = feeder.refusedCount
        for refusal in feeder.refusals.suffix(new) {
            let time = state.withLock { $0.numbers[refusal.frame] }
            if let time { take(time)?.continuation.resume(throwing: Failure.refused(refusal.reason)) }
        }
    }

    private func expire() {
        let now = ContinuousClock.now
        let late = state.withLock { state in state.waiting.filter { $0.value.deadline <= now }.map(\.key) }
        for time in late {
            guard let waiting = take(time) else { continue }
            waiting.continuation.resume(throwing: Failure.late(waiting.timeout))
        }
    }

    private func end() {
        let left = state.withLock { state in
            state.isStopped = true
            return Array(state.waiting.keys)
        }
        for time in left { take(time)?.continuation.resume(throwing: Failure.stopping) }
    }

    private func take(_ time: Timestamp) -> Waiting? {
        state.withLock { state in
            let waiting = state.waiting.removeValue(forKey: time)
            if let number = waiting?.number { state.numbers[number] = nil }
            state.bytes -= waiting?.jpeg.count ?? 0
            return waiting
        }
    }

    // MARK: - Results

    /// The reading thread's life.
    package func read(until stop: StopSignal) throws {
        let subscriber = try Subscriber(
            to: configuration.results, replay: configuration.replay, streams: [configuration.stream], start: .live,
            in: context)
        while !stop.isRequested, try !subscriber.waitUntilConnected(timeout: .milliseconds(200)) {}
        // The subscription follows the connection by a moment.
        Thread.sleep(forTimeInterval: 0.2)
        isListening.store(true, ordering: .releasing)
        while !stop.isRequested {
            guard case .outcome(let outcome)? = try subscriber.next(timeout: .milliseconds(200)) else { continue }
            let time = outcome.frame.captureTime
            take(time)?.continuation.resume(returning: outcome)
        }
    }
}
