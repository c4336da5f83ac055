internal import Messages
internal import NIOCore
internal import ZeroMQ

/// The pictures whose outcomes have not come yet. Owned by the bus thread.
///
/// Ingest publishes a picture when it takes it in, and a whole window may lie between that and its outcome: by default 256
/// frames or 64 MB of one session. Where all together are too many, the session with the most gives up its oldest.
struct FrameCache {
    private struct Session {
        var frames = CircularBuffer<(sequence: SequenceNumber, jpeg: Message)>()
        var bytes = 0
        var usedAt: ContinuousClock.Instant
    }

    private let maxBytes: Int
    private let maxFrames: Int
    private let maxAge: Duration
    private var sessions: [SessionID: Session] = [:]
    private(set) var bytes = 0
    private(set) var frames = 0

    init(maxBytes: Int = 192 << 20, maxFrames: Int = 4096, maxAge: Duration = .seconds(60)) {
        self.maxBytes = maxBytes
        self.maxFrames = maxFrames
        self.maxAge = maxAge
    }

    mutating func insert(_ jpeg: Message, _ id: SessionID, _ sequence: SequenceNumber, at now: ContinuousClock.Instant)
    {
        var session = sessions[id] ?? Session(usedAt: now)
        // What is sent again is here already.
        if let last = session.frames.last, sequence <= last.sequence { return }
        session.frames.append((sequence, jpeg))
        session.bytes += jpeg.count
        session.usedAt = now
        sessions[id] = session
        bytes += jpeg.count
        frames += 1
        while bytes > maxBytes || frames > maxFrames,
            let largest = sessions.max(by: { $0.value.bytes < $1.value.bytes })
        {
            removeOldest(of: largest.key)
        }
    }

    /// The picture of a frame; whatever is older goes, because outcomes come in order.
    mutating func take(_ id: SessionID, _ sequence: SequenceNumber, at now: ContinuousClock.Instant) -> Message? {
        sessions[id]?.usedAt = now
        while let first = sessions[id]?.frames.first, first.sequence <= sequence {
            removeOldest(of: id)
            if first.sequence == sequence { return first.jpeg }
        }
        return nil
    }

    /// The latest picture of a session that has come and waits; nil where none does.
    func newest(of id: SessionID) -> SequenceNumber? { sessions[id]?.frames.last?.sequence }

    /// Forgets sessions of which nothing was heard for long, and those that are over.
    mutating func prune(at now: ContinuousClock.Instant) {
        for (id, session) in sessions where now - session.usedAt > maxAge { remove(id) }
    }

    mutating func remove(_ id: SessionID) {
        while sessions[id]?.frames.isEmpty == false { removeOldest(of: id) }
        sessions[id] = nil
    }

    private mutating func removeOldest(of id: SessionID) {
        guard let oldest = sessions[id]?.frames.popFirst() else {
            sessions[id] = nil
            return
        }
        sessions[id]?.bytes -= oldest.jpeg.count
        bytes -= oldest.jpeg.count
        frames -= 1
        if sessions[id]?.frames.isEmpty == true, frames >= maxFrames || bytes >= maxBytes { sessions[id] = nil }
    }
}
