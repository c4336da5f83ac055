internal import Metering

/// What a stage did between two readings: rates, and histograms of that time alone.
struct StageChange {
    let now: MetricsSnapshot
    private let before: MetricsSnapshot?
    private let seconds: Double

    /// Nil where the stage does not answer now.
    init?(from before: StageReading?, to now: StageReading) {
        guard let metrics = now.metrics else { return nil }
        self.now = metrics
        // A stage that was started in between counts from 0.
        let isSameProcess =
            before?.metrics?["process_start_time_seconds"] == metrics["process_start_time_seconds"]
        self.before = isSameProcess ? before?.metrics : nil
        seconds = before.map { max(0.001, (now.time - $0.time) / .seconds(1)) } ?? 0
    }

    /// How much a counter grew a second; nil where there is nothing to compare with.
    func rate(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        guard let before else { return nil }
        return max(0, now.sum(name, labels) - before.sum(name, labels)) / seconds
    }

    /// What a histogram counted in between.
    func histogram(_ name: String) -> HistogramSnapshot? {
        guard let histogram = now.histogram(name), let before else { return nil }
        let change = histogram.since(before.histogram(name))
        return change.count > 0 ? change : nil
    }

    /// Quantiles of a histogram of seconds, in milliseconds.
    func milliseconds(_ name: String) -> PipelineStatus.Quantiles? {
        guard let histogram = histogram(name), let p50 = histogram.quantile(0.5), let p95 = histogram.quantile(0.95),
            let p99 = histogram.quantile(0.99)
        else { return nil }
        return .init(p50: p50 * 1000, p95: p95 * 1000, p99: p99 * 1000)
    }

    /// The part of the time that a histogram of seconds accounts for: 1 where something was always busy with it.
    func share(_ name: String) -> Double? {
        histogram(name).map { $0.sum / seconds }
    }
}
