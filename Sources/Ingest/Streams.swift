internal import Delivery
internal import Messages
internal import ZeroMQ

/// One run of a stream. Owned by ingest's thread.
final class Session {
    let id: SessionID
    unowned let stream: Stream
    var window: SendWindow<FramePayload>
    /// Which infer has this session, and whether it moves to another one.
    var placement: Placement
    /// The infer that `placement` names; nil while none is known.
    var output: Output?
    /// Whether it stands in its output's queue.
    var isQueued = false

    init(id: SessionID = SessionID(), stream: Stream, window: SendWindow<FramePayload>, placement: Placement) {
        self.id = id
        self.stream = stream
        self.window = window
        self.placement = placement
    }
}

/// A stream by its name, with the session that runs and those that still wait for their acknowledgements. Owned by
/// ingest's thread.
final class Stream {
    let name: StreamName
    /// The run that new frames belong to.
    var session: Session?
    /// What is known of feeders that repeat themselves.
    var ledger = FeederLedger()
    /// Frames that wait for room or for a decoder, in order.
    var waiting = FIFO<Arrival>()
    /// Sessions not finished, the running one included.
    var unfinished = 0
    var lastHeard: ContinuousClock.Instant
    /// Where its frames are counted, from the first on.
    var meter: IngestMetrics.StreamMeter?
    var isWatched: Bool
    /// The topic of its preview.
    let previewTopic: Message

    init(name: StreamName, isWatched: Bool, now: ContinuousClock.Instant) {
        self.name = name
        self.isWatched = isWatched
        lastHeard = now
        previewTopic = Message(Topic.preview + name.description)
    }

    /// Whether nothing is left to remember.
    var isForgettable: Bool { session == nil && waiting.isEmpty && unfinished == 0 }
}

/// All streams and sessions.
struct Streams {
    private(set) var byName: [StreamName: Stream] = [:]
    private(set) var sessions: [SessionID: Session] = [:]
    let maxStreams: Int

    init(maxStreams: Int) {
        self.maxStreams = maxStreams
    }

    /// Sessions that end and begin again without ever being acknowledged must not add up.
    var canBeginSession: Bool { sessions.count < 4 * maxStreams }

    /// The stream of this name, made where it is new.
    ///
    /// - Throws: `FeederRefusal` where there are too many.
    mutating func stream(
        _ name: StreamName, now: ContinuousClock.Instant, isWatched: (StreamName) -> Bool
    ) throws(FeederRefusal) -> Stream {
        if let stream = byName[name] {
            stream.lastHeard = now
            return stream
        }
        guard byName.count < maxStreams else {
            throw FeederRefusal(
                .tooManyStreams,
                "\(maxStreams) streams are running. End one (\"end\": true), or start ingest with a larger --max-streams"
            )
        }
        let stream = Stream(name: name, isWatched: isWatched(name), now: now)
        byName[name] = stream
        return stream
    }

    /// The stream of a session that is continued, whatever the limit says.
    mutating func restore(_ name: StreamName, now: ContinuousClock.Instant) -> Stream {
        let stream = byName[name] ?? Stream(name: name, isWatched: false, now: now)
        byName[name] = stream
        return stream
    }

    /// Begins a session of a stream, or goes on with one.
    mutating func begin(_ session: Session) {
        if !session.window.isEnding { session.stream.session = session }
        session.stream.unfinished += 1
        sessions[session.id] = session
    }

    /// Forgets a session whose end is acknowledged, and its stream where nothing else is left of it.
    mutating func finish(_ session: Session) {
        guard sessions.removeValue(forKey: session.id) != nil else { return }
        session.stream.unfinished -= 1
        if session.stream.session === session { session.stream.session = nil }
        forget(session.stream)
    }

    /// Forgets a stream where nothing is left of it.
    mutating func forget(_ stream: Stream) {
        if stream.isForgettable { byName[stream.name] = nil }
    }
}
