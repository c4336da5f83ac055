internal import Delivery
internal import Foundation
internal import JPEG
internal import Logging
internal import Messages
internal import Metering
internal import Security
internal import Stage
internal import Status
internal import ZeroMQ

/// The socket thread of infer: takes frames in, keeps each session's ledger, sends outcomes out.
final class InferSockets {
    let readiness: Readiness

    private let configuration: InferConfiguration
    private let engine: EngineDescription
    private let queue: FrameQueue
    private let finished: Mailbox<[FinishedFrame]>
    private let status: StageStatus
    private let metrics: InferMetrics
    private let logger: Logger

    private let frames: Socket
    private let sink: Connector
    private let poller = Poller()
    private let framesToken: Poller.Token
    private let outcomesToken: Poller.Token
    private let finishedToken: Poller.Token

    private var sessions = SessionTable()
    /// What another infer knew of a session, until its first frame for the engine.
    private var savedStates: [SessionID: [UInt8]] = [:]
    /// Sessions that another infer had meanwhile, until their first frame for the engine.
    private var returned: Set<SessionID> = []
    /// Outcomes the sink's connection has not taken yet. Ingest's windows bound it: an outcome waits for each frame.
    private var outbox: [[Message]] = []
    private var inHand = 0
    private var wasSinkUp = false
    private var lostIngests = 0
    private var silences = 0
    private var counters = InferCounters()
    private var lastReport = InferCounters()
    private var nextReport = ContinuousClock.now + reportInterval
    private var nextStatus = ContinuousClock.now

    private static let reportInterval = Duration.seconds(10)
    private static let statusInterval = Duration.milliseconds(200)
    /// How long a stopping infer waits for the sink to take the last outcomes.
    private static let drainLimit = Duration.seconds(10)
    /// Messages read at one go before anything else gets its turn.
    private static let readsPerTurn = 64

    init(
        _ configuration: InferConfiguration, engine: EngineDescription, queue: FrameQueue,
        finished: Mailbox<[FinishedFrame]>, status: StageStatus, metrics: InferMetrics, logger: Logger
    ) throws {
        self.configuration = configuration
        self.engine = engine
        self.queue = queue
        self.finished = finished
        self.status = status
        self.metrics = metrics
        self.logger = logger

        let context = try Context(access: configuration.security.access)
        var options = SocketOptions()
        // Raw RGB frames are the largest messages there are.
        options.maxMessageSize = Int64(max(configuration.imageLimits.bytes, 3 * configuration.imageLimits.pixels))
        options.accepts = .ingest
        options.server = .sink
        // More than an ingest sends before it hears from the sink, so that the queue never fills.
        options.receiveHighWaterMark = 1024
        frames = try Socket(.pull, in: context, options: options)
        options.linger = .seconds(2)
        sink = try Connector(.push, to: configuration.sink, in: context, options: options)
        readiness = Readiness(
            stage: "posebus-infer", endpoints: [("frames", try frames.bind(configuration.bind))])
        framesToken = poller.watch(frames)
        outcomesToken = sink.watch(with: poller)
        finishedToken = poller.watch(fileDescriptor: finished.fileDescriptor)
        logger.info(
            "ready",
            metadata: [
                "engine": "\(engine.name)", "frames": "\(readiness["frames"] ?? "")", "sink": "\(configuration.sink)",
            ])
    }

    /// Works until `stop`, then finishes what is in hand.
    func run(until stop: StopSignal, pulse: Watchdog.Pulse?) throws {
        _ = poller.watch(fileDescriptor: stop.fileDescriptor)
        while !stop.isRequested {
            pulse?.beat()
            try turn(receiving: inHand < configuration.maxInHand)
        }
        stop.acknowledge()
        let deadline = ContinuousClock.now + Self.drainLimit
        while inHand > 0 || !outbox.isEmpty {
            guard .now < deadline else {
                logger.warning(
                    "stopping with unsent outcomes: the sink cannot be reached. Ingest keeps their frames and sends them again",
                    metadata: ["outcomes": "\(inHand + outbox.count)"])
                break
            }
            pulse?.beat()
            try turn(receiving: false)
        }
        logger.info("stopped", metadata: counters.metadata)
    }

    private func turn(receiving: Bool) throws {
        poller.setInterest(framesToken, receiving: receiving)
        poller.setInterest(outcomesToken, receiving: false, sending: sink.isUp && !outbox.isEmpty)
        try poller.wait(timeout: .milliseconds(500))
        try notePeers()
        for batch in finished.drain() { batch.forEach(finish) }
        if receiving { try receive() }
        try flush()
        report()
    }

    // MARK: - In

    private func receive() throws {
        for _ in 0..<Self.readsPerTurn where inHand < configuration.maxInHand {
            guard let received = try frames.receive(maxParts: 2) else { return }
            do throws(WireError) {
                switch received {
                case .parts(let parts): try admit(FrameHeader(wire: parts[0].bytes), parts.count > 1 ? parts[1] : nil)
                case .tooManyParts(let count):
                    throw .invalidField(message: "frame", field: "parts", problem: "\(count) instead of 1 or 2")
                }
            } catch {
                refuse(error)
            }
        }
    }

    private func admit(_ header: FrameHeader, _ payload: Message?) {
        counters.received += 1
        let decision = sessions.receive(header)
        // Its end may have come to another infer.
        if let forgotten = decision.forgotten { forget(forgotten) }
        if decision.hasSkipped { returned.insert(header.session) }
        switch decision.verdict {
        case .process: process(header, payload)
        case .answer(let parts):
            counters.answeredAgain += 1
            outbox.append(parts)
        case .ignore: counters.ignored += 1
        }
    }

    private func process(_ header: FrameHeader, _ payload: Message?) {
        var header = header
        if !header.sessionState.isEmpty {
            savedStates[header.session] = header.sessionState
            // It has arrived: an outcome need not carry it.
            header.sessionState = []
        }
        if header.isEnd {
            forget(header.session)
            finish(FinishedFrame(outcome: Outcome(frame: header), payload: nil), wasInHand: false)
        } else if let drop = header.drop {
            var outcome = Outcome(frame: header, drop: drop)
            outcome.timing.ingest = header.ingestMilliseconds
            finish(FinishedFrame(outcome: outcome, payload: nil), wasInHand: false)
        } else {
            inHand += 1
            let job = FrameJob(
                header: header, payload: payload, savedState: savedStates.removeValue(forKey: header.session) ?? [],
                startsOver: returned.remove(header.session) != nil)
            queue.put(job, needsPixels: engine.needsPixels)
        }
    }

    /// Nothing more comes of a session here.
    private func forget(_ session: SessionID) {
        savedStates[session] = nil
        returned.remove(session)
        queue.end(session)
    }

    private func refuse(_ error: WireError) {
        counters.refused += 1
        // The first of a kind in a while is logged: a peer of another release sends thirty a second.
        if counters.refused == 1 || counters.refused.isMultiple(of: 1000) {
            logger.error(
                "refused a message that is no frame",
                metadata: ["reason": "\(error)", "refused": "\(counters.refused)"])
        }
    }

    // MARK: - Out

    private func finish(_ frame: FinishedFrame) {
        finish(frame, wasInHand: true)
    }

    private func finish(_ frame: FinishedFrame, wasInHand: Bool) {
        if wasInHand { inHand -= 1 }
        var parts = [Message(frame.outcome.wireBytes())]
        if configuration.forwardsFrames, let payload = frame.payload { parts.append(payload) }
        // After a still, an empty one: what another infer may have known before is out of date.
        if !frame.sessionState.isEmpty || frame.outcome.frame.isStill {
            if parts.count == 1 { parts.append(Message([])) }
            // One that is too large says at least that the one before is out of date.
            let isCarried = frame.sessionState.count <= maxSessionStateLength
            parts.append(Message(isCarried ? frame.sessionState : []))
        }
        if sessions.finish(frame.outcome.frame, with: parts) { outbox.append(parts) }
        counters.count(frame.outcome)
        metrics.persons.add(frame.outcome.persons.count)
        if let drop = frame.outcome.drop, drop.stage == .infer { metrics.drops[drop.reason.rawValue].add() }
        if !frame.outcome.frame.isEnd {
            logger.debug(
                "a frame has its outcome",
                metadata: .frame(frame.outcome.frame).with([
                    "outcome": .string(frame.outcome.drop?.reason.rawValue ?? "pose"),
                    "persons": .stringConvertible(frame.outcome.persons.count),
                ]))
        }
    }

    private func flush() throws {
        // Nothing is handed to libzmq for a sink that is not there.
        guard sink.isUp else { return }
        var sent = 0
        while sent < outbox.count, try sink.socket.send(outbox[sent]) { sent += 1 }
        outbox.removeFirst(sent)
        counters.sent += sent
    }

    // MARK: - Peers

    private func notePeers() throws {
        let lost = frames.lostPeerCount
        if lost > lostIngests {
            lostIngests = lost
            logger.notice("a connection from ingest is gone: it ended, was killed or frozen, or the network is cut")
        }
        let silences = frames.silenceCount
        if silences > self.silences {
            self.silences = silences
            logger.warning(
                "an ingest is silent: it sent no heartbeat for 2 s. It is frozen, or the network is cut; its frames come late"
            )
        }
        for change in try sink.changes() {
            switch change {
            case .up:
                if wasSinkUp {
                    sendAgain()
                } else {
                    logger.notice("the sink at \(sink.endpoint) is connected")
                }
                wasSinkUp = true
            case .lost: logger.warning("the sink is gone: outcomes are kept until it is back")
            case .keyRefused:
                logger.error(
                    """
                    the sink at \(sink.endpoint) refuses this infer's key, or has another one than the certificates here say: \
                    put this infer's certificate into the folder infer/ there, and the sink's into sink/ here \
                    (docs/security.md)
                    """)
            }
        }
    }

    /// What an earlier connection took may be lost with it.
    private func sendAgain() {
        outbox = sessions.finished
        counters.answeredAgain += outbox.count
        logger.notice("the sink is back", metadata: ["sent_again": "\(outbox.count)"])
    }

    /// Tells how things stand now.
    private func tellStatus() {
        metrics.received.follow(counters.received)
        metrics.poses.follow(counters.poses)
        metrics.dropped.follow(counters.drops.values.reduce(0, +))
        metrics.inHand.set(inHand)
        metrics.sinkConnected.set(sink.isUp ? 1 : 0)
        metrics.outbox.set(outbox.count)
        metrics.sessions.set(sessions.count)
        status.work.note(inHand: inHand + outbox.count, finished: counters.sent)
        var troubles = sink.isUp ? [] : ["the sink at \(sink.endpoint) is out of reach"]
        let age = metrics.withEngine.seconds
        if age > 1 { troubles.append("the engine has had a frame for \((age * 10).rounded() / 10) s") }
        status.explain(troubles)
    }

    private func report() {
        let now = ContinuousClock.now
        if now >= nextStatus {
            nextStatus = now + Self.statusInterval
            tellStatus()
        }
        guard now >= nextReport else { return }
        nextReport = .now + Self.reportInterval
        if counters != lastReport {
            lastReport = counters
            logger.info("progress", metadata: counters.metadata)
        }
    }
}
