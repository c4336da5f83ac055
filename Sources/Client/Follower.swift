package import Messages

/// The logic of a subscriber that misses nothing, without sockets or a clock of its own.
///
/// Publishing is not delivery: what a subscriber is too late or too slow for passes it by. Everything published is in the
/// sink's store before, so whatever is missing can be asked for (replay). A follower is told what arrives and says what
/// to ask for next; what is ready comes in order and exactly once for each session.
///
/// A gap shows itself in four ways: a later sequence, the end of the session, a later session of the same stream, or,
/// when nothing arrives at all, an inquiry after a silence.
package struct Follower {
    package typealias Instant = ContinuousClock.Instant

    /// What a follower is told at its start.
    package struct Options {
        /// The streams to follow; nil: all that are published.
        package var streams: Set<StreamName>?
        /// Whether a stream begins with what is published next instead of the beginning of its session.
        package var startsLive = false
        /// Whether what is missing can be asked for at all.
        package var replays = true
        /// The most outcomes that wait for earlier ones.
        package var maxPending = 1000
        /// The most sessions remembered.
        package var maxSessions = 4096
        /// The first and the longest silence after which the sink is asked whether anything was missed.
        package var probe: ClosedRange<Duration> = .seconds(1) ... .seconds(10)
        /// How long an answer may fall silent before it is given up.
        package var replayTimeout = Duration.seconds(3)
        /// How long a session that neither goes on nor ends is kept once a later one of its stream has begun.
        package var abandonAfter = Duration.seconds(60)

        /// What suits a sink within reach.
        package init() {}
    }

    /// One session that is followed. Owned by its follower.
    final class Session {
        let stream: StreamName
        let id: SessionID
        /// The sequence that comes next.
        var next: SequenceNumber
        /// One past the last outcome handed out; `next` runs ahead of it by what is ready.
        var given: SequenceNumber
        /// One past the highest sequence that is known to exist.
        var seen: SequenceNumber
        /// Outcomes that wait for earlier ones.
        var pending: [SequenceNumber: Outcome] = [:]
        /// Its end, once it is known.
        var end: SessionEvent?
        /// Whether the end is ready, and whether it was handed out.
        var isEnded = false
        var isEndGiven = false
        /// Whether the session that follows it in its stream is known.
        var hasSuccessor = false
        /// Whether the sink is to be asked at `retryAt`, gap or not.
        var isUrgent = false
        var retryAt: Instant
        var wait: Duration
        var newsAt: Instant

        var hasGap: Bool { seen > next }

        init(_ id: SessionID, of stream: StreamName, from first: SequenceNumber, wait: Duration, at now: Instant) {
            self.stream = stream
            self.id = id
            next = first
            given = first
            seen = first
            retryAt = now + wait
            self.wait = wait
            newsAt = now
        }
    }

    /// One stream.
    struct Stream {
        /// The session known to be its latest.
        var latest: SessionID?
        /// When to ask for its latest session while none is known.
        var retryAt: Instant
        var wait: Duration
    }

    /// Counters.
    package internal(set) var statistics = Subscriber.Statistics()
    let options: Options
    var sessions: [SessionID: Session] = [:]
    var streams: [StreamName: Stream] = [:]
    /// Sessions of which nothing more is expected, and their order, oldest first.
    var past: [SessionID: (next: SequenceNumber, isEnded: Bool)] = [:]
    var pastOrder: [SessionID] = []
    /// All outcomes that wait for earlier ones.
    package internal(set) var pendingCount = 0
    /// The request that is being answered.
    var request: Request?
    /// Times in a row that asking after a silence found what should have been published.
    var silentFinds = 0
    /// When to look again whether something is to be asked for.
    var scanAt: Instant

    private var ready: [Subscriber.Event] = []
    private var taken = 0

    package init(_ options: Options, positions: [Subscriber.Position], at now: Instant) {
        self.options = options
        scanAt = now
        for stream in options.streams ?? [] {
            streams[stream] = Stream(retryAt: now, wait: options.probe.lowerBound)
        }
        for position in positions where wants(position.stream) {
            add(position.session, of: position.stream, from: SequenceNumber(position.next), at: now)
            sessions[position.session]?.isEnded = position.ended
            sessions[position.session]?.isEndGiven = position.ended
            sessions[position.session]?.isUrgent = true
        }
    }

    /// Whether a stream is one of those to follow.
    func wants(_ stream: StreamName) -> Bool {
        options.streams?.contains(stream) ?? true
    }

    // MARK: - What is handed out

    /// The next outcome or session event, or nil.
    package mutating func take() -> Subscriber.Event? {
        guard taken < ready.count else { return nil }
        let event = ready[taken]
        taken += 1
        if taken == ready.count {
            ready.removeAll(keepingCapacity: ready.count < 4096)
            taken = 0
        }
        switch event {
        case .outcome(let outcome):
            statistics.delivered += 1
            sessions[outcome.frame.session]?.given = outcome.frame.sequence.next
        case .session(let event):
            if event.event == .end, let id = SessionID(event.session) { sessions[id]?.isEndGiven = true }
        }
        return event
    }

    /// How far each session has been handed out, of each stream the latest last.
    package var positions: [Subscriber.Position] {
        sessions.values.map { session in
            (
                streams[session.stream]?.latest == session.id,
                Subscriber.Position(
                    stream: session.stream, session: session.id, next: session.given.value, ended: session.isEndGiven)
            )
        }.sorted { ($0.1.stream, $0.0 ? 1 : 0) < ($1.1.stream, $1.0 ? 1 : 0) }.map(\.1)
    }

    // MARK: - What arrives

    /// An outcome was published.
    package mutating func note(_ outcome: Outcome, at now: Instant) {
        let header = outcome.frame
        silentFinds = 0
        guard wants(header.stream) else { return }
        // A live follower begins with what it sees first, and with the beginning of every later session.
        let isFirst = streams[header.stream]?.latest == nil
        let first = isFirst && (options.startsLive || !options.replays) ? header.sequence : .first
        guard find(header.session, of: header.stream, from: first, at: now) else {
            statistics.duplicates += 1
            return
        }
        let hadGap = sessions[header.session]?.hasGap ?? false
        if !options.replays { skip(header.session, to: header.sequence) }
        place(outcome)
        sessions[header.session]?.newsAt = now
        sessions[header.session]?.wait = options.probe.lowerBound
        guard let session = sessions[header.session] else { return }
        sessions[header.session]?.retryAt = min(session.retryAt, now + options.probe.lowerBound)
        if session.hasGap {
            if !hadGap {
                statistics.gaps += 1
                sessions[header.session]?.retryAt = now
            }
            scanAt = min(scanAt, now)
        }
    }

    /// The beginning or end of a session was published.
    package mutating func note(_ event: SessionEvent, at now: Instant) {
        guard let stream = try? StreamName(event.stream), let id = SessionID(event.session), event.frames >= 0 else {
            statistics.unreadable += 1
            return
        }
        guard wants(stream) else { return }
        let frames = SequenceNumber(UInt64(event.frames))
        let isFirst = streams[stream]?.latest == nil
        let first = isFirst && (options.startsLive || !options.replays) ? frames : .first
        guard find(id, of: stream, from: first, at: now), sessions[id]?.isEnded == false else { return }
        sessions[id]?.newsAt = now
        guard event.event == .end, sessions[id]?.end == nil else { return }
        sessions[id]?.end = event
        if !options.replays { skip(id, to: frames) }
        if sessions[id]?.next == frames, sessions[id]?.hasGap == false { finish(id) } else { urge(id, at: now) }
    }

    /// The sink's publisher has been reached (again): anything may have been published meanwhile.
    package mutating func noteConnected(at now: Instant) {
        for id in sessions.keys { urge(id, at: now) }
        for stream in streams.keys { streams[stream]?.retryAt = now }
        scanAt = now
    }

    // MARK: - Order

    /// Puts an outcome where it belongs: ready, waiting, or discarded.
    mutating func place(_ outcome: Outcome) {
        let sequence = outcome.frame.sequence
        let id = outcome.frame.session
        guard let session = sessions[id] else { return }
        if sequence < session.next {
            statistics.duplicates += 1
        } else if sequence == session.next {
            deliver(outcome)
            drain(id)
        } else {
            sessions[id]?.seen = max(session.seen, sequence.next)
            if session.pending[sequence] != nil {
                statistics.duplicates += 1
            } else if pendingCount < options.maxPending {
                sessions[id]?.pending[sequence] = outcome
                pendingCount += 1
            }
        }
    }

    private mutating func deliver(_ outcome: Outcome) {
        let header = outcome.frame
        if header.sequence == .first {
            ready.append(.session(SessionEvent(.begin, stream: header.stream, session: header.session)))
        }
        ready.append(.outcome(outcome))
        guard let seen = sessions[header.session]?.seen else { return }
        sessions[header.session]?.next = header.sequence.next
        sessions[header.session]?.seen = max(seen, header.sequence.next)
    }

    private mutating func drain(_ id: SessionID) {
        while let next = sessions[id]?.next, let outcome = sessions[id]?.pending.removeValue(forKey: next) {
            pendingCount -= 1
            deliver(outcome)
        }
    }

    /// Goes on at a later sequence: those before are nowhere to be had.
    mutating func skip(_ id: SessionID, to sequence: SequenceNumber) {
        guard let session = sessions[id], sequence > session.next else { return }
        for number in session.pending.keys.filter({ $0 < sequence }).sorted() {
            guard let outcome = sessions[id]?.pending.removeValue(forKey: number) else { continue }
            pendingCount -= 1
            // These are here after all.
            statistics.missing += number.distance(from: sessions[id]?.next ?? number)
            deliver(outcome)
        }
        guard let next = sessions[id]?.next, sequence > next else { return drain(id) }
        statistics.missing += sequence.distance(from: next)
        sessions[id]?.next = sequence
        sessions[id]?.seen = max(sessions[id]?.seen ?? sequence, sequence)
        drain(id)
    }

    /// Makes the end of a session ready.
    mutating func finish(_ id: SessionID) {
        guard let session = sessions[id], let end = session.end, !session.isEnded else { return }
        sessions[id]?.isEnded = true
        ready.append(.session(end))
    }
}
