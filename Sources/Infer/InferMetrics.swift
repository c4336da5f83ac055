internal import Metering

/// What infer tells Prometheus; docs/monitoring.md explains each.
final class InferMetrics: Sendable {
    let received, persons, poses, dropped: Counter
    let drops: MetricFamily<Counter>
    let inHand, sinkConnected, outbox, sessions: Gauge
    let queue, engine, decode, batch: Histogram
    let engineInfo: MetricFamily<Gauge>
    /// The frame that has been longest with the engine.
    let withEngine = Age()

    init(_ registry: MetricsRegistry, queue frames: FrameQueue) {
        received = registry.counter(
            "posebus_infer_frames_received_total", "Messages from ingest, resends, records of drops and ends included.")
        let outcomes = registry.counters(
            "posebus_infer_outcomes_total", "Outcomes made: poses, and drops, those that ingest recorded included.",
            labels: ["outcome"])
        poses = outcomes["pose"]
        dropped = outcomes["drop"]
        drops = registry.counters(
            "posebus_infer_drops_total", "Frames that infer itself recorded as drops.", labels: ["reason"])
        persons = registry.counter("posebus_infer_persons_total", "Persons in the poses.")
        queue = registry.histogram(
            "posebus_infer_queue_seconds", "Time from a frame's arrival at infer until the engine takes it.", .latency)
        inHand = registry.gauge("posebus_infer_in_hand_frames", "Frames that arrived and have no outcome yet.")
        batch = registry.histogram("posebus_infer_batch_frames", "Frames that the engine takes at once.", .counts)
        engine = registry.histogram("posebus_infer_engine_seconds", "Time that the engine needs for a batch.", .work)
        decode = registry.histogram("posebus_infer_decode_seconds", "Time to decode one frame.", .work)
        sinkConnected = registry.gauge("posebus_infer_sink_connected", "Whether the sink is in reach.")
        outbox = registry.gauge("posebus_infer_outbox_messages", "Outcomes that the sink has not taken yet.")
        sessions = registry.gauge("posebus_infer_sessions", "Sessions of which infer remembers something.")
        engineInfo = registry.gauges(
            "posebus_infer_engine_info", "Which engine computes where and in what.",
            labels: ["engine", "device", "precision"])
        registry.onScrape { [withEngine] text in
            let waiting = frames.waiting
            text.gauge(
                "posebus_infer_queue_frames", "Frames that wait to be decoded or to be taken by the engine.",
                [(labels: [], value: Double(waiting.count))])
            text.gauge(
                "posebus_infer_oldest_frame_seconds", "How long ago the oldest frame arrived that has no outcome yet.",
                [(labels: [], value: max(withEngine.seconds, waiting.oldest / .seconds(1)))])
        }
    }

    /// The engine takes a batch.
    func take(_ jobs: [FrameJob]) {
        let ages = jobs.map(\.age)
        for age in ages { queue.observe(age) }
        withEngine.set(ages.max())
    }
}
