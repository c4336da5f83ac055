internal import Client
internal import Messages

/// What is known of each stream that was live. Owned by the bus thread.
struct StreamTable {
    private struct Entry {
        var stream: PipelineState.Stream
        var seenAt: ContinuousClock.Instant
        /// When the latest outcomes came, for the frame rate.
        var arrivals: [ContinuousClock.Instant] = []
    }

    private var entries: [String: Entry] = [:]
    /// What the latest outcome was made by.
    private(set) var engine: String?

    /// Over how long a frame rate is measured, and after how long without an outcome a stream is not live any more.
    private static let span = Duration.seconds(3)
    private static let silence = Duration.seconds(5)
    /// The most streams remembered; those that have been silent for longest go.
    private static let limit = 1024

    mutating func note(_ outcome: Outcome, at now: ContinuousClock.Instant) {
        let frame = outcome.frame
        let name = frame.stream.description
        let session = frame.session.description
        var entry = entries[name] ?? Entry(stream: .init(session: session), seenAt: now)
        if entry.stream.session != session { entry = Entry(stream: .init(session: session), seenAt: now) }
        entry.seenAt = now
        entry.arrivals.append(now)
        entry.stream.isLive = true
        entry.stream.lastSequence = frame.sequence.value
        entry.stream.lastCaptureTime = frame.captureTime.nanoseconds
        entry.stream.latency = outcome.timing.total
        if outcome.drop == nil { entry.stream.poses += 1 } else { entry.stream.drops += 1 }
        if !outcome.engine.isEmpty { engine = outcome.engine }
        entries[name] = entry
        if entries.count > Self.limit, let oldest = entries.min(by: { $0.value.seenAt < $1.value.seenAt }) {
            entries[oldest.key] = nil
        }
    }

    mutating func note(_ event: SessionEvent) {
        guard event.event == .end, entries[event.stream]?.stream.session == event.session else { return }
        entries[event.stream]?.stream.isLive = false
        entries[event.stream]?.stream.poses = UInt64(event.poses)
        entries[event.stream]?.stream.drops = UInt64(event.drops)
        entries[event.stream]?.arrivals = []
    }

    /// All streams, with their frame rates as of now.
    mutating func streams(at now: ContinuousClock.Instant) -> [String: PipelineState.Stream] {
        for name in entries.keys {
            entries[name]?.arrivals.removeAll { now - $0 > Self.span }
            guard let entry = entries[name] else { continue }
            let count = entry.arrivals.count
            let lasted = entry.arrivals.first.map { now - $0 } ?? Self.span
            entries[name]?.stream.framesPerSecond = count < 2 ? 0 : Double(count) / max(0.5, lasted / .seconds(1))
            if now - entry.seenAt > Self.silence { entries[name]?.stream.isLive = false }
        }
        return entries.mapValues(\.stream)
    }
}
