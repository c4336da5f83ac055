internal import Delivery
internal import Foundation
package import Logging
internal import Messages
internal import Security
package import Stage
package import Status
internal import Store
internal import ZeroMQ

/// The sink: one thread that owns four sockets and the store.
///
///     outcomes ──▶ order ──▶ commit ──▶ publish
///                                  └──▶ acknowledge
///
/// A turn takes what has arrived, up to a bound, and commits it in one transaction (`CommitPace` says when). Nothing is
/// published or acknowledged before its commit has returned. While the store cannot be written nothing more is read, and
/// ingest's windows hold what comes.
package final class SinkLoop {
    /// Where the sockets are bound.
    package let readiness: Readiness
    /// What has been done so far.
    package var counters: SinkCounters {
        var counters = internalCounters
        counters.published = results.count
        if configuration.frameBytes != nil { counters.frames = store.frameTally }
        counters.replayed = replay.outcomesSent
        return counters
    }

    /// Told each time the loop has gone round.
    package var pulse: Watchdog.Pulse?

    let configuration: SinkConfiguration
    let logger: Logger
    let status: StageStatus
    let metrics: SinkMetrics
    let store: StoreWriter
    var sessions: SessionTable
    var results: ResultPublisher
    let acknowledgements: AcknowledgementPublisher
    let replay: ReplayServer
    /// In order, ready for the next commit.
    var batch: [BatchEntry] = []
    /// Sessions to be acknowledged after the next commit, also where there is nothing new: somebody sent it again.
    var acknowledgeable: [SinkSession] = []
    /// Sessions without an end whose stream has begun another one since then.
    var superseded: [SessionID: ContinuousClock.Instant] = [:]
    /// Set while the store cannot be written.
    var trouble: StoreTrouble?
    var internalCounters = SinkCounters()

    private let outcomes: Socket
    private let poller = Poller()
    private let outcomesToken: Poller.Token
    private let replayToken: Poller.Token
    private let resultsToken: Poller.Token
    private let acknowledgementsToken: Poller.Token
    private var pace: CommitPace
    /// When the next commit may begin.
    private var nextCommit = ContinuousClock.now
    private var lastReport = SinkCounters()
    private var nextReport = ContinuousClock.now + reportInterval
    private var nextStatus = ContinuousClock.now

    private static let reportInterval = Duration.seconds(10)
    private static let statusInterval = Duration.milliseconds(200)

    /// What a commit carries.
    enum BatchEntry {
        case outcome(PendingOutcome, SinkSession)
        indirect case end(FrameHeader, SinkSession)
    }

    /// Opens the store and binds the sockets.
    ///
    /// - Parameter status: told what it does.
    /// - Throws: `StageFailure` with the exit status for a store that cannot be written, `ZeroMQError` for an endpoint
    ///   that cannot be had.
    package init(
        _ configuration: SinkConfiguration, logger: Logger, status: StageStatus = StageStatus(.sink)
    ) throws {
        self.configuration = configuration
        self.logger = logger
        self.status = status
        metrics = SinkMetrics(status.metrics)
        do throws(StoreError) {
            store = try StoreWriter(path: configuration.store, frameBytes: configuration.frameBytes)
        } catch {
            let cannotCreate: [StoreError.Kind] = [.diskFull, .inputOutput, .busy, .damaged, .other]
            throw StageFailure(
                error.description, exitCode: cannotCreate.contains(error.kind) ? .ioError : .cannotCreate)
        }
        sessions = SessionTable(maxHeld: configuration.maxHeld)
        pace = CommitPace(spacing: configuration.commitSpacing)

        let context = try Context(access: configuration.security.access)
        var options = configuration.sockets
        // More than an ingest lets an infer have at once, so that the queue does not fill even while the disk is.
        options.receiveHighWaterMark = max(4096, configuration.maxBatch)
        options.accepts = .infer
        outcomes = try Socket(.pull, in: context, options: options)
        results = try ResultPublisher(options: configuration.sockets, in: context)
        acknowledgements = try AcknowledgementPublisher(options: configuration.sockets, in: context)
        replay = try ReplayServer(
            options: configuration.sockets, in: context, patience: configuration.replayPatience, logger: logger)
        readiness = Readiness(
            stage: "posebus-sink",
            endpoints: [
                ("outcomes", try outcomes.bind(configuration.bindOutcomes)),
                ("results", try results.socket.bind(configuration.bindResults)),
                ("acks", try acknowledgements.socket.bind(configuration.bindAcknowledgements)),
                ("replay", try replay.socket.bind(configuration.bindReplay)),
            ])
        outcomesToken = poller.watch(outcomes)
        replayToken = poller.watch(replay.socket)
        resultsToken = poller.watch(results.socket)
        acknowledgementsToken = poller.watch(acknowledgements.socket)

        let totals = try store.reader.totals()
        logger.info(
            "ready",
            metadata: [
                "store": "\(configuration.store)", "sessions": "\(totals.sessions)", "outcomes": "\(totals.outcomes)",
            ])
    }

    /// Works until `stop`, then stores what has been sent and closes the store.
    package func run(until stop: StopSignal) throws {
        _ = poller.watch(fileDescriptor: stop.fileDescriptor)
        while !stop.isRequested {
            // Until the next commit may begin, what arrives lies in the socket: it wakes nobody and is read at one go. A
            // poller waits whole milliseconds only: one that is over in less is not worth a longer one.
            let pause = nextCommit - .now
            _ = pause >= .milliseconds(1) ? try turn(receiving: false, waiting: pause - .microseconds(999)) : try turn()
        }
        stop.acknowledge()
        try drain()
        if !batch.isEmpty {
            logger.warning(
                "stopping with outcomes that could not be stored: ingest was not told otherwise and sends them again",
                metadata: ["outcomes": "\(batch.count)"])
        }
        do throws(StoreError) {
            try store.close()
        } catch {
            logger.warning("could not tidy up the store; the next start does", metadata: ["reason": "\(error)"])
        }
        logger.info("stopped", metadata: counters.metadata)
    }

    /// Goes on until every session has ended, or no message has come from infer for a while, whatever else wakes this
    /// thread meanwhile.
    private func drain() throws {
        let deadline = ContinuousClock.now + configuration.drainLimit
        var lastArrival = ContinuousClock.now
        while trouble == nil, .now < deadline {
            // Decided before the look, so that the last look comes after the quiet: this thread may have stood still.
            let quietLeft = sessions.haveAllEnded ? .zero : lastArrival + configuration.drainQuiet - .now
            if try turn(waiting: max(.zero, quietLeft)) > 0 {
                lastArrival = .now
            } else if quietLeft <= .zero {
                return
            }
        }
    }

    /// One round.
    ///
    /// - Parameters:
    ///   - receiving: whether to take messages from infer.
    ///   - limit: how long to wait where nothing is to be done.
    /// - Returns: how many messages came from infer.
    private func turn(receiving: Bool = true, waiting limit: Duration = .milliseconds(500)) throws -> Int {
        pulse?.beat()
        let receiving = receiving && trouble == nil
        poller.setInterest(outcomesToken, receiving: receiving)
        poller.setInterest(replayToken, receiving: replay.acceptsRequests)
        var timeout = min(limit, replay.pollTimeout ?? limit)
        if let trouble { timeout = min(timeout, trouble.nextTry - .now) }
        try poller.wait(timeout: timeout)

        if poller.isReadable(resultsToken) { try results.takeSubscriptions() }
        let watched = poller.isReadable(acknowledgementsToken) ? try acknowledgements.takeSubscriptions() : []
        let received = poller.isReadable(outcomesToken) ? try receive() : 0
        if trouble == nil, !batch.isEmpty { nextCommit = pace.begin(batch.count, at: .now) }
        noteWork()
        // A disk may take its time; restarting would not make it faster.
        pulse?.beginWork(patience: .seconds(60))
        try commit()
        noteWork()
        pulse?.beat()
        for session in watched { try acknowledgeNow(session) }
        try replay.turn(store.reader, hasRequests: poller.isReadable(replayToken), at: .now)
        if !superseded.isEmpty { try closeSuperseded(at: .now) }
        report()
        return received
    }

    private func receive() throws -> Int {
        let now = Timestamp.now
        let instant = ContinuousClock.now
        var received = 0
        while received < configuration.maxBatch, trouble == nil, let message = try outcomes.receive(maxParts: 3) {
            received += 1
            take(message, now, instant)
        }
        return received
    }

    private func report() {
        let now = ContinuousClock.now
        if now >= nextStatus {
            nextStatus = now + Self.statusInterval
            tellStatus()
        }
        guard now >= nextReport else { return }
        nextReport = now + Self.reportInterval
        sessions.sweep(at: now)
        let counters = counters
        if counters != lastReport {
            lastReport = counters
            logger.info("progress", metadata: counters.metadata)
        }
    }
}
