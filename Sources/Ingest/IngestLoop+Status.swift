internal import Delivery
internal import Messages
internal import Metering
internal import Spool
internal import Status

extension IngestLoop {
    /// Where a stream's frames are counted.
    func meter(of stream: Stream) -> IngestMetrics.StreamMeter {
        if let meter = stream.meter { return meter }
        let meter = IngestMetrics.StreamMeter(stream.name.description, metrics)
        stream.meter = meter
        return meter
    }

    /// Tells how things stand now. What is counted as it happens is not told here.
    func tellStatus() {
        metrics.received.follow(counters.received)
        metrics.sent.follow(outputs.sent)
        metrics.resent.follow(counters.resent)
        metrics.acknowledged.follow(counters.acknowledged)
        for (reason, count) in counters.refusals { metrics.refusals[reason].follow(count) }
        for (reason, count) in counters.moves { metrics.moves[reason.rawValue].follow(count) }
        metrics.streams.set(streams.byName.count)
        metrics.held.set(waiting.values.reduce(0) { $0 + $1.waiting.count })
        metrics.spoolBytes.set(spool?.bytes ?? 0)
        metrics.spoolLimit.set(spool?.limit ?? 0)
        tellStreams()
        tellInfers()
        status.work.note(
            inHand: streams.sessions.values.reduce(0) { $0 + $1.window.count }, finished: counters.acknowledged)
        status.explain(troubles)
    }

    private func tellStreams() {
        let now = Timestamp.now
        var totals: [ObjectIdentifier: (frames: Int, bytes: Int, limit: Int, oldest: Timestamp?)] = [:]
        // The window stays where it is: a copy of it costs more than what is read from it.
        for session in streams.sessions.values {
            let stream = ObjectIdentifier(session.stream)
            var total = totals[stream] ?? (0, 0, 0, nil)
            total.frames += session.window.frameCount
            total.bytes += session.window.byteCount
            total.limit = max(total.limit, session.window.limits.frames)
            if !session.window.isEmpty {
                let accepted = session.window.header(session.window.oldestUnacknowledged).acceptedTime
                total.oldest = min(total.oldest ?? accepted, accepted)
            }
            totals[stream] = total
        }
        for stream in streams.byName.values {
            let meter = meter(of: stream)
            let total = totals[ObjectIdentifier(stream)]
            meter.windowFrames.set(total?.frames ?? 0)
            meter.windowBytes.set(total?.bytes ?? 0)
            meter.windowLimit.set(total?.limit ?? 0)
            meter.oldest.set(total?.oldest.map { .nanoseconds(max(0, now.nanoseconds - $0.nanoseconds)) })
        }
        metrics.keep(streams: Set(streams.byName.keys.map(\.description)))
    }

    private func tellInfers() {
        outputs.measure(streams.sessions.values)
        for output in outputs.all {
            metrics.inferConnected[output.endpoint].set(output.isConnected ? 1 : 0)
            metrics.inferInFlight[output.endpoint].set(output.inFlight.frames)
            metrics.inferStreams[output.endpoint].set(
                streams.byName.values.count { $0.session.map { $0.output === output } ?? false })
        }
        let endpoints = Set(outputs.all.map(\.endpoint))
        for family in [metrics.inferConnected, metrics.inferInFlight, metrics.inferStreams] {
            family.retire(allBut: endpoints)
        }
    }

    private var troubles: [String] {
        var troubles = outputs.silentSources.map { "\($0) does not say which infers there are" }
        troubles += outputs.all.filter { !$0.isConnected }.map { "infer at \($0.endpoint) is out of reach" }
        troubles += acknowledgements.unreachable.map { "the sink at \($0) is out of reach" }
        troubles += outputs.all.filter(\.isStalled).map {
            "infer at \($0.endpoint) is connected, and none of its frames is acknowledged: it or the sink is stuck"
        }
        if let trouble = spool?.trouble { troubles.append("the spool cannot be written: \(trouble)") }
        return troubles
    }
}
