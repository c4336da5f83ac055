internal import Messages
internal import Metering

/// What the sink tells Prometheus; docs/monitoring.md explains each.
struct SinkMetrics {
    /// Where a stream's outcomes are counted; kept by its session, so that counting finds no series anew.
    struct StreamMeter {
        let poses, drops: Counter
    }

    let duplicates, failedCommits, replays, published: Counter
    let waiting, openSessions, storeBytes, freeBytes, subscribers: Gauge
    let commit, commitOutcomes, latency, captureLatency: Histogram
    let drops: MetricFamily<Counter>

    private let outcomes: MetricFamily<Counter>

    init(_ registry: MetricsRegistry) {
        outcomes = registry.counters(
            "posebus_sink_outcomes_total", "Outcomes stored.", labels: ["stream", "outcome"])
        drops = registry.counters(
            "posebus_sink_drops_total", "Drops among them, by the stage that recorded them.",
            labels: ["stage", "reason"])
        // There from the start, at 0: to Prometheus, a counter that begins with its first event has not increased.
        _ = drops[StageName.infer.rawValue, DropReason.inferenceFailed.rawValue]
        duplicates = registry.counter(
            "posebus_sink_duplicates_total", "Outcomes and ends of sessions that were here already.")
        waiting = registry.gauge(
            "posebus_sink_waiting_outcomes", "Outcomes that wait for earlier ones of their session.")
        openSessions = registry.gauge("posebus_sink_open_sessions", "Sessions that have not ended.")
        commit = registry.histogram("posebus_sink_commit_seconds", "Time to make one transaction durable.", .work)
        commitOutcomes = registry.histogram(
            "posebus_sink_commit_outcomes", "Outcomes and ends of sessions in one transaction.", .counts)
        latency = registry.histogram(
            "posebus_sink_latency_seconds", "Time from a frame's acceptance by ingest until its outcome was stored.",
            .latency)
        captureLatency = registry.histogram(
            "posebus_sink_capture_latency_seconds", "Time from a frame's capture until its outcome was stored.",
            .latency)
        storeBytes = registry.gauge("posebus_sink_store_bytes", "Size of the store, write-ahead log included.")
        freeBytes = registry.gauge("posebus_sink_disk_free_bytes", "Room left on the store's disk.")
        failedCommits = registry.counter("posebus_sink_commit_failures_total", "Transactions that failed.")
        subscribers = registry.gauge(
            "posebus_sink_subscribers", "Connections to the endpoint of results; a gateway has three.")
        replays = registry.counter("posebus_sink_replay_requests_total", "Requests for stored outcomes.")
        published = registry.counter("posebus_sink_published_total", "Messages sent to subscribers.")
    }

    /// Where a stream's outcomes are counted.
    func meter(of stream: StreamName) -> StreamMeter {
        let name = stream.description
        return StreamMeter(poses: outcomes[name, "pose"], drops: outcomes[name, "drop"])
    }

    /// Forgets streams that are over, by and by.
    func keep(streams: Set<String>) {
        outcomes.retire(allBut: streams)
    }

    /// An outcome is durable.
    func note(_ outcome: OutcomeSummary, of meter: StreamMeter, at now: Timestamp) {
        if let drop = outcome.drop {
            meter.drops.add()
            drops[drop.stage.rawValue, drop.reason.rawValue].add()
        } else {
            meter.poses.add()
        }
        latency.observe(now.seconds(since: outcome.frame.acceptedTime))
        captureLatency.observe(now.seconds(since: outcome.frame.captureTime))
    }
}

extension Timestamp {
    /// Seconds between two clocks' times; 0 where the other clock is ahead.
    fileprivate func seconds(since earlier: Timestamp) -> Double {
        Double(max(0, nanoseconds - earlier.nanoseconds)) / 1e9
    }
}
