import Delivery
import Foundation
import Messages

/// All state machines of a pipeline (feeders, ingest with or without a spool, infers, one sink), joined by channels
/// that lose, delay, duplicate and reorder, each party crashing, and infers joining and leaving: one run, decided entirely by
/// its seed.
///
/// `+Feeders`, `+Ingest`, `+Infers` and `+Downstream` hold what each party does; here are the clock, the channels and the
/// verdict.
struct Simulation {
    /// What a run may do.
    struct Weather: Sendable {
        var streams = 1
        var frames = 40
        var delivery = Delivery.lossless
        /// Of the messages between the stages.
        var loss = 0.0
        var duplication = 0.0
        /// Longest delay of a message; different delays reorder.
        var delay = Duration.milliseconds(5)
        /// Mean time between crashes of infer and of the sink.
        var crashes: Duration?
        /// Mean time between crashes of ingest.
        var ingestCrashes: Duration?
        /// Mean time between lost connections of each feeder.
        var feederResets: Duration?
        /// Whether a crash is noticed (a reconnect), or only the timeout can heal it.
        var noticesCrashes = true
        var hasSpool = false
        /// The share of frames that kill infer.
        var poison = 0.0
        var infers = 1
        /// Mean time between changes of the list of infers.
        var listChanges: Duration?
        /// Mean time between outages of an infer long enough for its streams to move.
        var outages: Duration?

        /// Whether every frame has to be computed exactly once: nothing on the way is lost, nobody dies.
        var computesOnce: Bool {
            loss == 0 && poison == 0 && crashes == nil && ingestCrashes == nil && outages == nil
        }

        /// Whether each frame has to be looked at with what was known after the one before. A new ingest may send before it
        /// hears how far its predecessor was, and a message that is lost alone, which no connection does, may be the one
        /// that tells. A real engine ends with a frame that kills it before it looks at the next one; infers here do not.
        var keepsMemory: Bool { loss == 0 && poison == 0 && ingestCrashes == nil && noticesCrashes }
    }

    enum Event {
        case feed(Int)
        case frame(Int, number: UInt64, oldest: UInt64, link: Link)
        case endOfStream(Int, link: Link)
        case answer(Int, FeederReply, link: Link)
        case feederReset(Int), feederConnected(Int, link: Int), feederPump(Int)
        case diskSync(generation: Int)
        case toInfer(FrameHeader, infer: Int, link: Int)
        case inferred(FrameHeader, infer: Int, generation: Int)
        case toSink(FrameHeader)
        case commit(generation: Int)
        case toIngest(Acknowledgement, generation: Int)
        case inferCrash, inferLost(Int), inferBack(Int, generation: Int), outage, listChange
        case sinkCrash, ingestCrash, tick
    }

    /// A feeder's connection: the feeder's count of them, and the life of ingest that it reaches.
    struct Link: Equatable {
        var number: Int
        var generation: Int
    }

    enum FeederReply {
        case accepted(UInt64)
        case again(UInt64)
        case ended
    }

    /// One stream's feeder.
    struct Feeder {
        var queue = FeederQueue<Bool>()
        var fed = 0
        var link = 0
        var isConnected = true
        /// Arrivals of one connection are in order.
        var lastArrival = start
        var lastAnswer = start
        /// When what the previous connection carried is lost.
        var cut: [Int: ContinuousClock.Instant] = [:]
        var wantsEnd = false
        var sentEnd = false
        var isDone = false
        var pauseEnd = start
    }

    /// A frame that waits for room in ingest.
    struct Waiting {
        var number: UInt64?
        var oldest: UInt64
        var link: Link
    }

    struct Stream {
        var session: SessionID?
        var ledger = FeederLedger()
        var waiting: [Waiting] = []
    }

    /// A session as the sink has it on its disk.
    struct Stored {
        var headers: [FrameHeader] = []
        var ended = false
        /// An ingest without a spool died in it: its end never comes.
        var isOrphan = false
    }

    let weather: Weather
    var random: SplitMix
    var clock = start
    var agenda = Agenda()
    var feeders: [Feeder]

    // Ingest
    var ingestGeneration = 0
    var streams: [Stream]
    var windows: [SessionID: SendWindow<Bool>] = [:]
    var streamOf: [SessionID: Int] = [:]
    /// All sessions there ever were, and those with a window, oldest first.
    var born: [SessionID] = []
    var live: [SessionID] = []
    var membership = Membership(moveAfter: moveAfter)
    var placements: [SessionID: Placement] = [:]
    var followed = 0
    /// Changes of the list, outages and returns: what streams move for.
    var changes = 0
    /// Changes when each session's last move began.
    var movedFor: [SessionID: Int] = [:]
    var beganFor: [SessionID: Int] = [:]
    /// What is on ingest's disk.
    var journal: [SessionID: Journal] = [:]
    var unsynced: [(FrameHeader, feeder: UInt64?)] = []
    var pendingAnswers: [(Int, FeederReply, Link)] = []
    var isSyncing = false

    struct Journal {
        var kept: [SequenceNumber: SendWindow<Bool>.Kept] = [:]
        var oldest = SequenceNumber.first
        var next = SequenceNumber.first
        var lastFrame: UInt64?
    }

    // Infers
    var infers: [Infer]
    var poison: Set<UInt64> = []
    /// How often frames were computed, by all infers together.
    var computed: [SessionID: [SequenceNumber: Int]] = [:]
    /// Frames that were given up, though their poses may be on their way.
    var givenUp: [SessionID: Set<SequenceNumber>] = [:]

    // Sink
    var orders: [SessionID: OrderBuffer<FrameHeader>] = [:]
    var sinkGeneration = 0
    var uncommitted: [FrameHeader] = []
    var store: [SessionID: Stored] = [:]

    var resends = 0
    var moves: [MoveReason: Int] = [:]
    /// Moves that had to wait for what was in flight.
    var drains = 0
    var shed = 0
    var kills = 0
    var ingestDeaths = 0
    var known = 0
    /// The first broken rule.
    var violation: String?

    init(seed: UInt64, weather: Weather) {
        self.weather = weather
        random = SplitMix(state: seed)
        feeders = Array(repeating: Feeder(), count: weather.streams)
        streams = Array(repeating: Stream(), count: weather.streams)
        infers = (0..<weather.infers).map { Infer(endpoint: "tcp://infer\($0):5560") }
        for frame in 0..<UInt64(weather.frames) where random.chance(weather.poison) { poison.insert(frame) }
    }

    /// Runs until the sessions are over everywhere, a rule is broken or ten hours have passed.
    mutating func run() {
        for feeder in feeders.indices {
            schedule(.feed(feeder), in: .zero)
            if let resets = weather.feederResets {
                schedule(.feederReset(feeder), in: random.duration(upTo: resets * 2))
            }
        }
        connectAll()
        schedule(.tick, in: .milliseconds(50))
        if let outages = weather.outages { schedule(.outage, in: random.duration(upTo: outages * 2)) }
        if let listChanges = weather.listChanges { schedule(.listChange, in: random.duration(upTo: listChanges * 2)) }
        if let crashes = weather.crashes {
            schedule(.inferCrash, in: random.duration(upTo: crashes * 2))
            schedule(.sinkCrash, in: random.duration(upTo: crashes * 2))
        }
        if let crashes = weather.ingestCrashes { schedule(.ingestCrash, in: random.duration(upTo: crashes * 2)) }
        while !isOver, violation == nil {
            guard let (at, event) = agenda.next() else { return violation = "nothing left to happen" }
            clock = max(clock, at)
            guard clock - start < .seconds(36_000) else { return violation = "not over after ten hours" }
            handle(event)
            pump()
        }
        if violation == nil { checkStore() }
    }

    var isOver: Bool { feeders.allSatisfy(\.isDone) && windows.isEmpty }

    mutating func handle(_ event: Event) {
        switch event {
        case .feed(let feeder): feed(feeder)
        case .frame(let feeder, let number, let oldest, let link):
            arrive(Waiting(number: number, oldest: oldest, link: link), feeder)
        case .endOfStream(let feeder, let link): arrive(Waiting(number: nil, oldest: 0, link: link), feeder)
        case .answer(let feeder, let reply, let link): answered(feeder, reply, link)
        case .feederReset(let feeder):
            reset(feeder)
            if let resets = weather.feederResets {
                schedule(.feederReset(feeder), in: random.duration(upTo: resets * 2))
            }
        case .feederConnected(let feeder, let link): connected(feeder, link)
        case .feederPump(let feeder): pump(feeder: feeder)
        case .diskSync(let generation): if generation == ingestGeneration { synced() }
        case .toInfer(let header, let infer, let link):
            // A connection ends with the process that it reaches.
            if link == infers[infer].generation || !weather.noticesCrashes { receive(header, infer) }
        case .inferred(let header, let infer, let generation):
            if generation == infers[infer].generation { inferred(header, infer) }
        case .toSink(let header): arriveAtSink(header)
        case .commit(let generation): if generation == sinkGeneration { commit() }
        case .toIngest(let acknowledgement, let generation):
            if generation == ingestGeneration { note(acknowledgement) }
        case .inferCrash:
            crashInfer(Int.random(in: 0..<infers.count, using: &random))
            if let crashes = weather.crashes { schedule(.inferCrash, in: random.duration(upTo: crashes * 2)) }
        case .inferLost(let infer): noteInferLost(infer)
        case .inferBack(let infer, let generation): if generation == infers[infer].generation { connect(infer) }
        case .outage:
            beginOutage()
            if let outages = weather.outages { schedule(.outage, in: random.duration(upTo: outages * 2)) }
        case .listChange:
            changeList()
            if let listChanges = weather.listChanges {
                schedule(.listChange, in: random.duration(upTo: listChanges * 2))
            }
        case .sinkCrash:
            crashSink()
            if let crashes = weather.crashes { schedule(.sinkCrash, in: random.duration(upTo: crashes * 2)) }
        case .ingestCrash:
            crashIngest()
            if let crashes = weather.ingestCrashes { schedule(.ingestCrash, in: random.duration(upTo: crashes * 2)) }
        case .tick:
            advanceMembership()
            for session in live {
                resends += windows[session]!.resendIfOverdue(at: clock)
            }
            admitWaiting()
            schedule(.tick, in: .milliseconds(50))
        }
    }

    // MARK: - The verdict

    mutating func checkStore() {
        var complete: [Int: Int] = [:]
        // One whose first frame never reached the disk was never sent either.
        store = store.filter { !$0.value.headers.isEmpty || $0.value.ended }
        for (session, stored) in store {
            let sequences = stored.headers.map(\.sequence.value)
            guard sequences == (0..<UInt64(sequences.count)).map({ $0 }) else {
                return violation = "stored \(sequences)"
            }
            guard stored.ended || stored.isOrphan else { return violation = "the end of \(session) is not stored" }
            let frames = stored.headers.compactMap(\.cameraFrame?.value)
            guard zip(frames, frames.dropFirst()).allSatisfy({ $0 + 1 == $1 }) else {
                return violation = "frames \(frames) of one session"
            }
            if let stream = streamOf[session], stored.ended { complete[stream, default: 0] += frames.count }
            let failed = stored.headers.filter { $0.drop?.reason == .inferenceFailed }.compactMap(\.cameraFrame?.value)
            if weather.crashes == nil, weather.ingestCrashes == nil, weather.outages == nil,
                !poison.isSuperset(of: failed)
            {
                return violation = "innocent frames among \(failed), poison \(poison.sorted())"
            }
            let passed = stored.headers.filter { $0.drop == nil }.compactMap(\.cameraFrame?.value)
            guard poison.isDisjoint(with: passed) else { return violation = "poison passed" }
        }
        for (session, stored) in store where weather.keepsMemory && poison.isEmpty {
            checkMemory(stored.headers, givenUp: givenUp[session] ?? [])
        }
        if weather.computesOnce, poison.isEmpty,
            let again = computed.values.flatMap(\.self).first(where: { $0.value != 1 })
        {
            return violation = "frame \(again.key) was computed \(again.value) times"
        }
        guard weather.hasSpool || weather.ingestCrashes == nil else { return }
        for stream in streams.indices where complete[stream] != weather.frames {
            return violation = "stream \(stream): \(complete[stream] ?? 0) of \(weather.frames) frames in one session"
        }
        if store.count != weather.streams { violation = "\(store.count) sessions of \(weather.streams) streams" }
    }

    /// Each frame that an engine looked at was looked at with what was known after the one before, whoever had that.
    private mutating func checkMemory(_ headers: [FrameHeader], givenUp: Set<SequenceNumber>) {
        var before: [SequenceNumber?] = [nil]
        for header in headers {
            // Somebody may have looked at a frame that was given up, and so knew it, or may have missed it.
            let mayBeMissed = givenUp.contains(header.sequence)
            guard header.drop == nil else {
                if mayBeMissed { before.append(header.sequence) }
                continue
            }
            let known = header.sessionState.dropFirst().first.map { SequenceNumber(UInt64($0)) }
            guard before.contains(known) else {
                return violation =
                    "frame \(header.sequence) was looked at after \(known as Any), not \(before.last as Any)"
            }
            before = mayBeMissed ? before + [header.sequence] : [header.sequence]
        }
    }

    // MARK: - Channels between the stages

    mutating func transmit(_ event: Event) {
        let copies = random.chance(weather.duplication) ? 2 : 1
        for _ in 0..<copies where !random.chance(weather.loss) {
            var delay = random.duration(upTo: weather.delay)
            // What is known goes with one message, so where that matters nothing overtakes it, as on one connection.
            if weather.keepsMemory, case .toInfer(_, let infer, _) = event {
                delay = max(delay, infers[infer].lastArrival + .nanoseconds(1) - clock)
                infers[infer].lastArrival = clock + delay
            }
            schedule(event, in: delay)
        }
    }

    mutating func schedule(_ event: Event, in delay: Duration) {
        agenda.add(event, at: clock + delay)
    }

    /// What is to happen: a binary heap by time, then by the order of adding.
    struct Agenda {
        private var heap: [(at: ContinuousClock.Instant, order: Int, event: Event)] = []
        private var count = 0

        private func comesFirst(_ left: Int, _ right: Int) -> Bool {
            heap[left].at == heap[right].at ? heap[left].order < heap[right].order : heap[left].at < heap[right].at
        }

        mutating func add(_ event: Event, at time: ContinuousClock.Instant) {
            count += 1
            heap.append((time, count, event))
            var child = heap.count - 1
            while child > 0, comesFirst(child, (child - 1) / 2) {
                heap.swapAt(child, (child - 1) / 2)
                child = (child - 1) / 2
            }
        }

        mutating func next() -> (ContinuousClock.Instant, Event)? {
            guard let first = heap.first else { return nil }
            let last = heap.removeLast()
            if !heap.isEmpty {
                heap[0] = last
                var parent = 0
                while true {
                    var least = parent
                    for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && comesFirst(child, least) {
                        least = child
                    }
                    guard least != parent else { break }
                    heap.swapAt(parent, least)
                    parent = least
                }
            }
            return (first.at, first.event)
        }
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
