import Delivery
import Messages

/// All three state machines of one session, joined by channels that lose, delay, duplicate and reorder, and by infers
/// and sinks that crash: one run, decided entirely by its seed.
struct Simulation {
    /// What a run may do.
    struct Weather: Sendable {
        var loss: Double
        var duplication: Double
        /// Longest delay of a message; different delays reorder.
        var delay: Duration
        /// Mean time between crashes of infer, and of the sink.
        var crashes: Duration?
        /// Whether a crash is noticed (a reconnect), or only the timeout can heal it.
        var noticesCrashes: Bool
        var delivery: Delivery
        var frames: Int
    }

    enum Event {
        case feed
        case toInfer(FrameHeader)
        case inferred(FrameHeader, generation: Int)
        case toSink(FrameHeader)
        case commit(generation: Int)
        case toIngest(Acknowledgement)
        case inferCrash, sinkCrash, tick
    }

    let weather: Weather
    var random: SplitMix
    var clock = start
    var agenda: [(at: ContinuousClock.Instant, order: Int, event: Event)] = []
    var scheduled = 0

    var window: SendWindow<Bool>
    var fed = 0
    var ledger = InferLedger<FrameHeader>()
    var inferGeneration = 0
    var processed: [SequenceNumber] = []
    var sink = OrderBuffer<FrameHeader>()
    var sinkGeneration = 0
    var uncommitted: [FrameHeader] = []
    /// What is on the sink's disk: it survives crashes.
    var store: [FrameHeader] = []
    var storeEnded = false

    var steps = 0
    var resends = 0
    /// The first broken rule.
    var violation: String?

    init(seed: UInt64, weather: Weather) {
        self.weather = weather
        random = SplitMix(state: seed)
        window = SendWindow(
            limits: .init(frames: 8, bytes: 1 << 20, inFlight: 4, records: 64), delivery: weather.delivery,
            retry: .init(initial: .seconds(1), minimum: .milliseconds(200), maximum: .seconds(10)))
    }

    /// Runs until the session is over everywhere, a rule is broken or an hour has passed.
    mutating func run() {
        schedule(.feed, in: .zero)
        schedule(.tick, in: .milliseconds(50))
        if let crashes = weather.crashes {
            schedule(.inferCrash, in: random.duration(upTo: crashes * 2))
            schedule(.sinkCrash, in: random.duration(upTo: crashes * 2))
        }
        while !window.isFinished, violation == nil {
            steps += 1
            guard
                let next = agenda.indices.min(by: {
                    agenda[$0].0 == agenda[$1].0 ? agenda[$0].1 < agenda[$1].1 : agenda[$0].0 < agenda[$1].0
                })
            else { return violation = "nothing left to happen" }
            let (at, _, event) = agenda.remove(at: next)
            clock = max(clock, at)
            guard clock - start < .seconds(3600) else { return violation = "not over after an hour" }
            handle(event)
            pump()
        }
        if violation == nil { checkStore() }
    }

    mutating func handle(_ event: Event) {
        switch event {
        case .feed: feed()
        case .toInfer(let header): infer(header)
        case .inferred(let header, let generation):
            guard generation == inferGeneration else { return }
            if ledger.finish(header.sequence, with: header) { transmit(.toSink(header)) }
        case .toSink(let header): arriveAtSink(header)
        case .commit(let generation):
            guard generation == sinkGeneration else { return }
            commit()
        case .toIngest(let acknowledgement):
            window.acknowledge(acknowledgement, at: clock)
        case .inferCrash:
            ledger = InferLedger()
            inferGeneration += 1
            processed = []
            noticeCrash()
            schedule(.inferCrash, in: random.duration(upTo: weather.crashes! * 2))
        case .sinkCrash:
            uncommitted = []
            sinkGeneration += 1
            sink = OrderBuffer(next: SequenceNumber(UInt64(store.count)), isEnded: storeEnded)
            noticeCrash()
            acknowledgeCommitted()  // as the sink does for a subscription that arrives
            schedule(.sinkCrash, in: random.duration(upTo: weather.crashes! * 2))
        case .tick:
            resends += window.resendIfOverdue(at: clock)
            schedule(.tick, in: .milliseconds(50))
        }
    }

    // MARK: - Ingest

    mutating func feed() {
        guard fed < weather.frames else { return window.end(header()) }
        // Some frames are drops already.
        let isDrop = random.chance(0.1)
        var frame = header()
        if isDrop { frame.drop = Drop(stage: .ingest, reason: .corruptJPEG) }
        if let sequence = window.admit(frame, payload: isDrop ? nil : true, bytes: 100) {
            if sequence.value != UInt64(fed) { violation = "frame \(fed) became sequence \(sequence)" }
            fed += 1
        }
        schedule(.feed, in: random.duration(upTo: .milliseconds(20)))
    }

    mutating func pump() {
        while let next = window.upcoming {
            transmit(.toInfer(next.header))
            window.sent(at: clock)
        }
        if window.inFlightCount > window.limits.inFlight { violation = "\(window.inFlightCount) frames in flight" }
        if window.frameCount > window.limits.frames { violation = "\(window.frameCount) frames in the window" }
    }

    mutating func noticeCrash() {
        if weather.noticesCrashes { resends += window.resendAll() }
    }

    // MARK: - Infer

    mutating func infer(_ header: FrameHeader) {
        switch ledger.receive(header) {
        case .process:
            if let last = processed.last, header.sequence <= last {
                violation = "infer processed \(header.sequence) after \(last)"
            }
            processed.append(header.sequence)
            schedule(.inferred(header, generation: inferGeneration), in: random.duration(upTo: .milliseconds(80)))
        case .answer(let answer): transmit(.toSink(answer))
        case .ignore: break
        }
    }

    // MARK: - Sink

    mutating func arriveAtSink(_ header: FrameHeader) {
        let arrival =
            header.isEnd ? sink.acceptEnd(frameCount: header.sequence) : sink.accept(header.sequence, header)
        switch arrival {
        case .inOrder:
            if !header.isEnd { uncommitted.append(header) }
            while let held = sink.takeNext() { uncommitted.append(held) }
            schedule(.commit(generation: sinkGeneration), in: random.duration(upTo: .milliseconds(10)))
        case .duplicate: acknowledgeCommitted()
        case .held: break
        case .refused(let why): violation = "the sink refused \(header.sequence): \(why)"
        }
    }

    mutating func commit() {
        store += uncommitted
        uncommitted = []
        if sink.takeEnd() { storeEnded = true }
        acknowledgeCommitted()
    }

    mutating func acknowledgeCommitted() {
        transmit(
            .toIngest(
                Acknowledgement(
                    session: fixedSession, next: SequenceNumber(UInt64(store.count)), ended: storeEnded)))
    }

    mutating func checkStore() {
        let stored = store.map(\.sequence.value)
        if stored != (0..<UInt64(weather.frames)).map({ $0 }) { violation = "stored \(stored)" }
        if !storeEnded { violation = "the end is not stored" }
    }

    // MARK: - Channels

    mutating func transmit(_ event: Event) {
        let copies = random.chance(weather.duplication) ? 2 : 1
        for _ in 0..<copies where !random.chance(weather.loss) {
            schedule(event, in: random.duration(upTo: weather.delay))
        }
    }

    mutating func schedule(_ event: Event, in delay: Duration) {
        scheduled += 1
        agenda.append((clock + delay, scheduled, event))
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, and the same everywhere.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    mutating func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &self) < probability
    }

    mutating func duration(upTo limit: Duration) -> Duration {
        limit == .zero ? .zero : .microseconds(Int64.random(in: 0...Int64(limit / .microseconds(1)), using: &self))
    }
}
