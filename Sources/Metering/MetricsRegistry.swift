internal import Synchronization

/// All metrics of a process, by name, and their text.
///
///     let registry = MetricsRegistry()
///     let sent = registry.counter("posebus_ingest_sent_total", "Messages sent to infer, resends included.")
///     sent.add()
///     registry.text()   // what GET /metrics answers
public final class MetricsRegistry: Sendable {
    private typealias Writer = @Sendable (inout ExpositionText) -> Void

    private struct State {
        var names: Set<String> = []
        var writers: [Writer] = []
    }

    private let state = Mutex(State())

    /// A registry without metrics.
    public init() {}

    /// A new counter. Its name ends in `_total`.
    public func counter(_ name: String, _ help: String) -> Counter {
        add(Counter(), name, help)
    }

    /// A new gauge.
    public func gauge(_ name: String, _ help: String) -> Gauge {
        add(Gauge(), name, help)
    }

    /// A new histogram.
    public func histogram(_ name: String, _ help: String, _ buckets: Histogram.Buckets) -> Histogram {
        add(Histogram(buckets), name, help)
    }

    /// A new counter for each value of these labels.
    ///
    /// - Parameters:
    ///   - kept: how many first labels stay after `MetricFamily.retire`.
    ///   - limit: the most first labels; what is beyond them shares the series of `(other)`.
    public func counters(
        _ name: String, _ help: String, labels: [String], kept: Int = 64, limit: Int = 1000
    ) -> MetricFamily<Counter> {
        add(MetricFamily(labels: labels, kept: kept, limit: limit) { Counter() }, name, help)
    }

    /// A new gauge for each value of these labels; see `counters`.
    public func gauges(_ name: String, _ help: String, labels: [String], limit: Int = 1000) -> MetricFamily<Gauge> {
        add(MetricFamily(labels: labels, kept: 0, limit: limit) { Gauge() }, name, help)
    }

    /// A new age for each value of these labels; see `counters`.
    public func ages(_ name: String, _ help: String, labels: [String], limit: Int = 1000) -> MetricFamily<Age> {
        add(MetricFamily(labels: labels, kept: 0, limit: limit) { Age() }, name, help)
    }

    /// A new age.
    public func age(_ name: String, _ help: String) -> Age {
        add(Age(), name, help)
    }

    /// Adds metrics that are read only when somebody asks.
    public func onScrape(_ write: @escaping @Sendable (inout ExpositionText) -> Void) {
        state.withLock { $0.writers.append(write) }
    }

    /// All metrics, as they stand now.
    public func text() -> String {
        var text = ExpositionText()
        for write in state.withLock({ $0.writers }) { write(&text) }
        return text.text
    }

    private func add<M: Metric>(_ metric: M, _ name: String, _ help: String) -> M {
        register(name) { text in
            text.begin(name, M.kind, help: help)
            metric.write(name, labels: "", to: &text)
        }
        return metric
    }

    private func add<M: Metric>(_ family: MetricFamily<M>, _ name: String, _ help: String) -> MetricFamily<M> {
        register(name) { text in
            text.begin(name, M.kind, help: help)
            for (labels, series) in family.all {
                series.write(name, labels: ExpositionText.labels(labels), to: &text)
            }
        }
        return family
    }

    private func register(_ name: String, _ write: @escaping Writer) {
        state.withLock { state in
            precondition(state.names.insert(name).inserted, "two metrics are named \(name)")
            state.writers.append(write)
        }
    }
}
