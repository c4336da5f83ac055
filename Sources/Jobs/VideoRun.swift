internal import Client
internal import Foundation
internal import FrameSources
internal import Messages
internal import Stage
internal import Synchronization
internal import ZeroMQ

/// Feeds one video as one stream, and counts the outcomes that come back.
///
/// Everything runs on the caller's thread but two things: `cancel`, and the watch that ends a decoder which gives nothing.
final class VideoRun: Sendable {
    /// How it ended.
    enum End: Equatable {
        /// Every frame that was fed has its outcome.
        case completed
        case cancelled
        case failed(String)
        /// Frames are lost, or between two sessions: the whole video has to be fed again.
        case interrupted(String)
        /// The gateway is told to stop.
        case stopped
    }

    struct Progress: Sendable {
        var stream: StreamName
        var session: SessionID?
        /// Frames with their outcome.
        var outcomes = 0
        var total: Int?
    }

    private let job: Job
    /// The stream of the attempt before, which may have had no chance to end it.
    private let earlierStream: StreamName?
    private let configuration: JobRunner.Configuration
    private let context: Context
    private let source = SourceStop()
    private let isCancelled = Atomic<Bool>(false)
    private let state: Mutex<Progress>

    init(
        _ job: Job, after earlierStream: StreamName? = nil, _ configuration: JobRunner.Configuration,
        in context: Context
    ) {
        self.job = job
        self.earlierStream = earlierStream
        self.configuration = configuration
        self.context = context
        state = Mutex(Progress(stream: job.stream, total: job.total))
    }

    var progress: Progress { state.withLock { $0 } }

    /// Ends it with the frames it has; safe to repeat and from any thread.
    func cancel() {
        isCancelled.store(true, ordering: .releasing)
        source.stop()
    }

    /// Runs to its end, however that is.
    func run(until stop: StopSignal) -> End {
        do {
            return try feed(Watch(until: stop, isCancelled: { [self] in isCancelled.load(ordering: .acquiring) }))
        } catch {
            return .failed(text(error))
        }
    }

    // MARK: - Feeding

    private func feed(_ watch: Watch) throws -> End {
        let patrol = Patrol(source, watch, timeout: configuration.timeout, stall: configuration.stallTimeout)
        defer { patrol.end() }
        if let earlierStream { end(earlierStream, watch) }
        var counter = try OutcomeCounter(job.stream, configuration, in: context)
        var options = SocketOptions()
        options.linger = .milliseconds(200)
        let feeder = try Feeder(
            stream: job.stream, to: configuration.ingest, in: context, delivery: .lossless,
            maxOutstanding: configuration.outstanding, options: options)
        /// Takes what came back; false where there is nothing to wait for any more.
        func goOn() throws -> Bool {
            try counter.take(timeout: .zero)
            note(counter)
            return !watch.isOver && !patrol.isTimedOut && counter.trouble == nil
        }
        var failure: (any Error)?
        do {
            let video = try FrameSourceSpec.untrustedVideo(path: job.path).open(stop: source)
            state.withLock { $0.total = video.frameCount }
            while try goOn(), let frame = try patrol.reading({ try video.next() }) {
                let jpeg = frame.jpeg.withUnsafeBytes { Message(copying: $0) }
                try feeder.send(jpeg: jpeg, captureTime: Timestamp(nanoseconds: frame.captureTimeNs)) {
                    (try? goOn()) ?? false
                }
                if let refusal = Self.fatalRefusal(feeder) { throw JobError(refusal) }
            }
        } catch {
            failure = error
        }
        if let end = early(watch, patrol, counter) {
            // The stream ends here in any case: ingest would otherwise keep the session open.
            let patience = ContinuousClock.now + .seconds(2)
            _ = try? feeder.end { .now < patience }
            return end
        }
        let patience = ContinuousClock.now + .seconds(30)
        let isEnded = try feeder.end {
            (try? goOn()) ?? false && (failure == nil || .now < patience)
        }
        if let failure { return .failed(text(failure)) }
        if let refusal = Self.fatalRefusal(feeder) { return .failed(refusal) }
        guard isEnded else { return early(watch, patrol, counter) ?? .interrupted("ingest did not confirm the end") }
        // Everything is with ingest. What follows is up to the stages, however long they take.
        while counter.end == nil, try goOn() { try counter.take(timeout: .milliseconds(200)) }
        note(counter)
        if let end = early(watch, patrol, counter) { return end }
        let fed = feeder.accepted + feeder.refusedCount
        guard counter.outcomes == fed else {
            return .interrupted("\(fed) frames were fed and \(counter.outcomes) have an outcome")
        }
        return .completed
    }

    private func early(_ watch: Watch, _ patrol: Patrol, _ counter: OutcomeCounter) -> End? {
        if watch.isStopped { return .stopped }
        if watch.isCancelled { return .cancelled }
        if patrol.isTimedOut, let timeout = configuration.timeout {
            return .failed("Processing timeout (exceeded \(Int(timeout / .milliseconds(1)))ms)")
        }
        return counter.trouble.map { .interrupted($0) }
    }

    private func note(_ counter: OutcomeCounter) {
        state.withLock {
            $0.outcomes = counter.outcomes
            $0.session = counter.session
        }
    }

    /// A gateway that was killed has not ended its stream, and ingest keeps it open.
    private func end(_ stream: StreamName, _ watch: Watch) {
        let patience = ContinuousClock.now + .seconds(2)
        guard let feeder = try? Feeder(stream: stream, to: configuration.ingest, in: context) else { return }
        _ = try? feeder.end { .now < patience && !watch.isOver }
    }

    /// Why ingest does not take what is fed, where no frame of it would be taken. Pictures that are no good are recorded
    /// as drops and do no harm to the rest.
    private static func fatalRefusal(_ feeder: Feeder) -> String? {
        guard let last = feeder.refusals.last else { return nil }
        let word = String(last.reason.prefix { $0 != ":" })
        if DropReason.known.contains(where: { $0.rawValue == word }) { return nil }
        return "ingest refused frame \(last.frame): \(last.reason)"
    }

    private func text(_ error: any Error) -> String {
        // A path is nobody's business who has not named it.
        "\(error)".replacingOccurrences(of: job.path, with: job.source)
    }
}

/// Whether anybody wants it to end.
private struct Watch: Sendable {
    private let stop: StopSignal
    private let cancelled: @Sendable () -> Bool

    init(until stop: StopSignal, isCancelled: @escaping @Sendable () -> Bool) {
        self.stop = stop
        cancelled = isCancelled
    }

    var isStopped: Bool { stop.isRequested }
    var isCancelled: Bool { cancelled() }
    var isOver: Bool { isStopped || isCancelled }
}

/// Stops a source that is not to go on while its reader's thread is blocked in it.
private final class Patrol: Sendable {
    private let begin = ContinuousClock.now
    private let timeout: Duration?
    private let readingSince = Mutex<ContinuousClock.Instant?>(nil)
    private let stalled = Atomic<Bool>(false)
    private let isEnded = Atomic<Bool>(false)
    private let stall: Duration

    init(_ source: SourceStop, _ watch: Watch, timeout: Duration?, stall: Duration) {
        self.timeout = timeout
        self.stall = stall
        let thread = Thread { [self] in
            while !isEnded.load(ordering: .acquiring) {
                Thread.sleep(forTimeInterval: 0.1)
                let hasStalled = readingSince.withLock { $0.map { .now - $0 > stall } ?? false }
                if hasStalled { stalled.store(true, ordering: .releasing) }
                if hasStalled || isTimedOut || watch.isOver { source.stop() }
            }
        }
        thread.name = "job-patrol"
        thread.start()
    }

    var isTimedOut: Bool { timeout.map { .now - begin > $0 } ?? false }

    /// Reads, and throws where it took too long.
    func reading<Value>(_ body: () throws -> Value) throws -> Value {
        readingSince.withLock { $0 = .now }
        defer { readingSince.withLock { $0 = nil } }
        let value = try body()
        if stalled.load(ordering: .acquiring) {
            throw JobError(
                "the video's decoder gave no frame for \(Int(stall / .seconds(1))) s; the file may be damaged")
        }
        return value
    }

    func end() {
        isEnded.store(true, ordering: .releasing)
    }
}
