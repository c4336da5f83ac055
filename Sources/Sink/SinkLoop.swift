internal import Foundation
internal import Logging
internal import Messages
internal import Stage
internal import Store
internal import ZeroMQ

/// The sink's one thread: takes outcomes in, puts each session in order, commits, and only then publishes and
/// acknowledges.
///
/// The parts it is made of: `Sessions` (order), `Committer` (store, and what to do when it fails), `Publisher` (results and
/// acknowledgements), `Replay`.
final class SinkLoop {
    let readiness: Readiness
    private let logger: Logger
    private let poller = Poller()
    private let outcomes: Socket
    private let outcomesToken: Poller.Token
    private let publisher: Publisher
    private let acknowledger: Acknowledger
    private let replay: Replay
    private let committer: Committer
    private var sessions: Sessions
    private var counters = SinkCounters()
    private var reported = SinkCounters()
    private var nextReport = ContinuousClock.now + reportInterval

    private static let reportInterval = Duration.seconds(10)
    /// Outcomes in one commit: group commit without letting acknowledgements wait long.
    private static let batch = 256

    init(_ configuration: SinkConfiguration, store: StoreWriter, logger: Logger, context: Context) throws {
        self.logger = logger
        committer = Committer(store, logger: logger)
        sessions = Sessions(store: store)
        outcomes = try Socket(.pull, in: context)
        try outcomes.bind(configuration.outcomes)
        outcomesToken = poller.watch(outcomes)
        publisher = try Publisher(configuration, context: context, poller: poller)
        acknowledger = try Acknowledger(configuration, context: context, poller: poller)
        replay = try Replay(configuration, store: store, context: context, poller: poller)
        readiness = Readiness(
            stage: "posebus-sink",
            endpoints: [
                ("outcomes", outcomes), ("results", publisher.socket), ("acks", acknowledger.socket),
                ("replay", replay.socket),
            ].map { ($0.0, $0.1.boundEndpoints.last ?? "") })
        logger.info("ready", metadata: ["store": "\(configuration.store)"])
    }

    /// Works until `stop`, then stores what has arrived.
    func run(until stop: StopSignal) throws {
        _ = poller.watch(fileDescriptor: stop.fileDescriptor)
        while !stop.isRequested { try turn(wait: true) }
        stop.acknowledge()
        // What has arrived is stored; what has not stays in ingest's windows.
        var received = true
        while received, committer.canTakeMore { received = try turn(wait: false) }
        if !committer.canTakeMore {
            logger.error("stopping with outcomes that could not be stored; ingest keeps their frames")
        }
        logger.info("stopped", metadata: counters.metadata)
    }

    @discardableResult
    private func turn(wait: Bool) throws -> Bool {
        poller.setInterest(outcomesToken, receiving: committer.canTakeMore)
        if wait { try poller.wait(timeout: replay.isBusy ? .milliseconds(1) : .milliseconds(250)) }
        try publisher.noteSubscriptions()
        for session in try acknowledger.newSubscriptions() { try acknowledger.send(try sessions.acknowledgement(of: session)) }

        let received = committer.canTakeMore ? try receive() : 0
        if let committed = try committer.commit() {
            let acknowledged = sessions.noteCommitted(committed.map(\.entry))
            for item in committed { try publish(item) }
            for acknowledgement in acknowledged { try acknowledger.send(acknowledgement) }
        }
        for acknowledgement in sessions.takeRepeats() { try acknowledger.send(acknowledgement) }
        try replay.turn()
        report()
        return received > 0
    }

    // MARK: - In

    private func receive() throws -> Int {
        var count = 0
        while count < Self.batch, let received = try outcomes.receive(maxParts: 2) {
            count += 1
            let arrival = Timestamp.now
            do throws(WireError) {
                guard case .parts(let parts) = received else {
                    throw .invalidField(message: "outcome", field: "parts", problem: "more than 2")
                }
                take(try Outcome(wire: parts[0].bytes), parts[0], arrival)
            } catch {
                refuse(error)
            }
        }
        return count
    }

    private func take(_ outcome: Outcome, _ message: Message, _ arrival: Timestamp) {
        counters.received += 1
        do {
            let released = try sessions.accept(Arrived(outcome: outcome, message: message, time: arrival))
            if released.isEmpty { counters.notNew += 1 }
            released.forEach(committer.add)
        } catch {
            // The store cannot be read: as good as not received, it will be sent again.
            logger.error("an outcome could not be placed and will be sent again", metadata: ["error": "\(error)"])
        }
    }

    private func refuse(_ error: WireError) {
        counters.refused += 1
        if counters.refused == 1 || counters.refused.isMultiple(of: 1000) {
            logger.error(
                "refused a message that is no outcome",
                metadata: ["reason": "\(error)", "refused": "\(counters.refused)"])
        }
    }

    // MARK: - Out

    private func publish(_ item: PendingEntry) throws {
        switch item.entry {
        case .outcome(let record):
            counters.stored += 1
            if record.dropReason != nil { counters.drops += 1 }
            if sessions.isFirst(record) { try publisher.publishBegin(record.stream, record.session) }
            try publisher.publish(record)
        case .end(let end):
            let totals = sessions.totals(of: end.session)
            try publisher.publishEnd(end, poses: totals.poses, drops: totals.drops)
            sessions.forget(end.session)
        }
    }

    private func report() {
        guard .now >= nextReport else { return }
        nextReport = .now + Self.reportInterval
        if counters != reported {
            reported = counters
            logger.info("progress", metadata: counters.metadata)
        }
    }
}

/// What a sink has done since it started.
struct SinkCounters: Equatable {
    /// Messages from infer, repeats included.
    var received = 0
    /// Outcomes committed.
    var stored = 0
    /// Of these: drops.
    var drops = 0
    /// Outcomes that released nothing: repeats, and early ones that wait.
    var notNew = 0
    /// Messages that were none.
    var refused = 0

    var metadata: Logger.Metadata {
        [
            "received": "\(received)", "stored": "\(stored)", "drops": "\(drops)", "not_new": "\(notNew)",
            "refused": "\(refused)",
        ]
    }
}
