internal import Messages
internal import Metering

/// What ingest tells Prometheus; docs/monitoring.md explains each.
struct IngestMetrics {
    /// What is told of one stream; kept by the stream, so that counting finds no series anew.
    final class StreamMeter {
        let accepted, bytes: Counter
        let windowFrames, windowBytes, windowLimit: Gauge
        let oldest: Age

        init(_ stream: String, _ metrics: IngestMetrics) {
            accepted = metrics.accepted[stream]
            bytes = metrics.bytes[stream]
            windowFrames = metrics.windowFrames[stream]
            windowBytes = metrics.windowBytes[stream]
            windowLimit = metrics.windowLimit[stream]
            oldest = metrics.oldest[stream]
        }
    }

    let received, sent, resent, acknowledged: Counter
    let held, streams, spoolBytes, spoolLimit: Gauge
    let check, sync: Histogram
    let drops, refusals, moves: MetricFamily<Counter>
    let inferConnected, inferInFlight, inferStreams: MetricFamily<Gauge>

    private let accepted, bytes: MetricFamily<Counter>
    private let windowFrames, windowBytes, windowLimit: MetricFamily<Gauge>
    private let oldest: MetricFamily<Age>

    init(_ registry: MetricsRegistry, maxStreams: Int) {
        let stream = ["stream"]
        received = registry.counter(
            "posebus_ingest_messages_received_total", "Messages of feeders, refused ones included.")
        accepted = registry.counters(
            "posebus_ingest_frames_accepted_total", "Frames that got a number; each ends as a pose or a drop.",
            labels: stream, kept: maxStreams)
        bytes = registry.counters(
            "posebus_ingest_frame_bytes_total", "Bytes of the images among them.", labels: stream, kept: maxStreams)
        drops = registry.counters(
            "posebus_ingest_drops_total", "Accepted frames that ingest recorded as drops.",
            labels: ["stream", "reason"], kept: maxStreams)
        refusals = registry.counters(
            "posebus_ingest_refusals_total", "Messages of feeders that got no number.", labels: ["reason"])
        // There from the start, at 0: to Prometheus, a counter that begins with its first event has not increased.
        for reason in FeederRefusal.Reason.allCases { _ = refusals[reason.rawValue] }
        windowFrames = registry.gauges(
            "posebus_ingest_window_frames", "Frames kept because their outcome is not stored.", labels: stream)
        windowBytes = registry.gauges("posebus_ingest_window_bytes", "Bytes of these frames.", labels: stream)
        windowLimit = registry.gauges(
            "posebus_ingest_window_limit_frames", "The most frames that are kept so.", labels: stream)
        oldest = registry.ages(
            "posebus_ingest_oldest_unacknowledged_seconds", "Age of the oldest of them.", labels: stream)
        held = registry.gauge("posebus_ingest_held_frames", "Frames that wait for room in a window or for a decoder.")
        sent = registry.counter("posebus_ingest_sent_total", "Messages sent to infer, resends included.")
        resent = registry.counter("posebus_ingest_resent_total", "Messages that were to be sent again.")
        acknowledged = registry.counter(
            "posebus_ingest_acknowledged_total", "Frames and ends of sessions whose outcome is stored.")
        streams = registry.gauge("posebus_ingest_streams", "Streams that run or wait for acknowledgements.")
        inferConnected = registry.gauges(
            "posebus_ingest_infer_connected", "Whether this infer is in reach.", labels: ["infer"])
        inferInFlight = registry.gauges(
            "posebus_ingest_infer_in_flight_frames", "Frames sent to this infer and not acknowledged.",
            labels: ["infer"])
        inferStreams = registry.gauges(
            "posebus_ingest_infer_streams", "Streams that this infer has.", labels: ["infer"])
        moves = registry.counters(
            "posebus_ingest_stream_moves_total", "Streams moved from one infer to another.", labels: ["reason"])
        spoolBytes = registry.gauge("posebus_ingest_spool_bytes", "Bytes in the spool; 0 without one.")
        spoolLimit = registry.gauge("posebus_ingest_spool_limit_bytes", "The most bytes in the spool.")
        sync = registry.histogram(
            "posebus_ingest_spool_sync_seconds", "Time to make the spool durable, once a turn of the loop.", .work)
        check = registry.histogram(
            "posebus_ingest_check_seconds", "Time to check one frame; to decode it too, where ingest does.", .quick)
    }

    /// Forgets streams that are over, by and by.
    func keep(streams: Set<String>) {
        for family in [accepted, bytes, drops] { family.retire(allBut: streams) }
        for family in [windowFrames, windowBytes, windowLimit] { family.retire(allBut: streams) }
        oldest.retire(allBut: streams)
    }
}
