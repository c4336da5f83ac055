internal import Logging
internal import Messages
internal import Settings
internal import Spool
internal import Stage
internal import Status
internal import ZeroMQ

/// Ingest's one thread: it waits for its sockets, takes frames in, sends them on and notes what the sink has stored.
///
/// The parts it is made of: `+Receiving` (from a message to a frame), `+Admitting` (from a frame to a window),
/// `+Downstream` (acknowledgements, reconnects, resends), `+Moving` (infers that come and go), `+Status` (what it tells of
/// itself), `+Stopping`.
final class IngestLoop {
    let configuration: IngestConfiguration
    let logger: Logger
    let admission: Admission
    let poller = Poller()
    var inputs: Inputs
    var preview: Preview
    var acknowledgements: Acknowledgements
    let outputs: Outputs
    let decoding: Decoding
    var streams: Streams
    let spool: Spool?
    let pulse: Watchdog.Pulse?
    let status: StageStatus
    let metrics: IngestMetrics
    /// Answers that wait until what they confirm is on disk, and for the end of the turn.
    var pendingAnswers: [(feeder: Feeder, answer: FeederAnswer)] = []
    /// Sessions with entries that are not on disk yet.
    var unsynced: [Session] = []
    /// Whether the log says that the spool cannot be written.
    var isSpoolInTrouble = false
    var counters = Counters()

    /// Streams with frames that wait.
    var waiting: [StreamName: Stream] = [:]
    var heldBytes = 0
    var isStopping = false
    /// The version of the membership that the sessions follow.
    var followedVersion = 0
    var limiter = LogLimiter()
    private var reported = Counters()
    private var nextTick = ContinuousClock.now
    private var nextReport = ContinuousClock.now

    /// Most messages taken from one socket before the others get their turn.
    static let batch = 64
    /// Answers that may wait for the disk.
    static let maxPending = 4096
    /// How often deadlines are looked at.
    static let tick: Duration = .milliseconds(100)

    /// Makes and binds all sockets, on the thread that will run.
    init(
        _ configuration: IngestConfiguration, logger: Logger, pulse: Watchdog.Pulse? = nil, status: StageStatus,
        context: Context
    ) throws {
        self.pulse = pulse
        self.status = status
        metrics = IngestMetrics(status.metrics, maxStreams: configuration.maxStreams)
        self.configuration = configuration
        self.logger = logger
        admission = Admission(limits: configuration.image, decodes: configuration.payload == .rgb)
        inputs = try Inputs(configuration, context: context, poller: poller)
        preview = try Preview(configuration, context: context, poller: poller)
        acknowledgements = try Acknowledgements(configuration, context: context, poller: poller)
        outputs = try Outputs(configuration, context: context, poller: poller, now: .now)
        decoding = Decoding(threads: configuration.decodeThreads, poller: poller, time: metrics.check)
        streams = Streams(maxStreams: configuration.maxStreams)
        spool = try Self.openSpool(configuration)
        try restoreSessions(at: .now)
    }

    /// What is bound where.
    var readiness: Readiness {
        func endpoint(_ socket: Socket) -> String { socket.boundEndpoints.last ?? "" }
        return Readiness(
            stage: "posebus-ingest",
            endpoints: [
                ("push", endpoint(inputs.push.socket)), ("request", endpoint(inputs.request.socket)),
                ("preview", endpoint(preview.socket)),
            ])
    }

    /// Runs until `stop` is given and what is unacknowledged is acknowledged, or the time for that is up.
    func run(until stop: StopSignal) throws {
        let stopToken = poller.watch(fileDescriptor: stop.fileDescriptor)
        let start = ContinuousClock.now
        nextReport = start + configuration.reportInterval
        var drainDeadline: ContinuousClock.Instant?
        while true {
            pulse?.beat()
            try poller.wait(timeout: Self.tick)
            if stop.isRequested, drainDeadline == nil {
                stop.acknowledge()
                poller.setInterest(stopToken, receiving: false)
                drainDeadline = .now + configuration.drain
                beginStopping()
            }
            try turn(at: .now)
            if let drainDeadline, try isDrained(at: .now, deadline: drainDeadline) { break }
        }
        report(isLast: true)
    }

    /// One turn: everything that is ready, in the order that empties windows before it fills them.
    private func turn(at now: ContinuousClock.Instant) throws {
        try noteDownstream(at: now)
        if decoding.collect() { try admitWaiting(at: now) }
        try receive(at: now)
        try pump(at: now)
        guard now >= nextTick else { return }
        nextTick = now + Self.tick
        try tick(at: now)
    }

    /// Sends, once what is to be sent is on disk: frames first, since answers would wake their feeders before infer.
    func pump(at now: ContinuousClock.Instant) throws {
        let isDurable = settleSpool()
        // Most turns take in acknowledgements only, and adding up goes through all sessions.
        if outputs.haveWork {
            outputs.measure(streams.sessions.values)
            try outputs.pump(at: now)
        }
        guard isDurable else { return }
        for (feeder, answer) in pendingAnswers { try send(answer, to: feeder) }
        pendingAnswers.removeAll(keepingCapacity: true)
    }

    private func tick(at now: ContinuousClock.Instant) throws {
        noteTime(at: now)
        // Stalls and metrics are judged by it, and a turn without anything to send leaves it as it was.
        outputs.measure(streams.sessions.values)
        resendOverdue(at: now)
        noteStalls(at: now)
        endIdleSessions(at: now)
        try admitWaiting(at: now)
        try pump(at: now)
        tellStatus()
        if now >= nextReport {
            nextReport = now + configuration.reportInterval
            report(isLast: false)
        }
    }

    private func report(isLast: Bool) {
        counters.sent = outputs.sent
        for (kind, count) in limiter.flush() {
            logger.warning("\(kind): \(count) more of the same", metadata: ["kind": "\(kind)", "more": "\(count)"])
        }
        guard isLast || counters != reported else { return }
        reported = counters
        logger.info(isLast ? "stopped" : "progress", metadata: counters.metadata)
    }
}
