/// What a stage answered to GET /metrics: Prometheus' text format, read.
///
///     let snapshot = try MetricsSnapshot(text: body)
///     snapshot["posebus_ingest_window_frames", ["stream": "cam1"]]   // Optional(12.0)
///     snapshot.histogram("posebus_sink_latency_seconds")?.quantile(0.99)
public struct MetricsSnapshot: Sendable {
    /// One line.
    public struct Sample: Sendable, Equatable {
        /// The name, with `_bucket`, `_sum` or `_count` where it is of a histogram.
        public let name: String
        public let labels: [String: String]
        public let value: Double

        func matches(_ wanted: [String: String]) -> Bool {
            wanted.allSatisfy { labels[$0.key] == $0.value }
        }
    }

    /// Why a text is no metrics.
    public struct Invalid: Error, Sendable, CustomStringConvertible {
        /// The line, from 1.
        public let line: Int
        public let description: String
    }

    private var byName: [String: [Sample]] = [:]

    /// Reads a text.
    public init(text: String) throws(Invalid) {
        var number = 0
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            var reader = SampleReader(line)
            do throws(SampleReader.Problem) {
                guard let sample = try reader.sample() else { continue }
                byName[sample.name, default: []].append(sample)
            } catch {
                throw Invalid(line: number, description: "line \(number) is no metric: \(error.description)")
            }
        }
    }

    /// The names, in alphabetical order.
    public var names: [String] { byName.keys.sorted() }

    /// The samples of a name that have these labels, and maybe others, in their order.
    public func samples(_ name: String, _ labels: [String: String] = [:]) -> [Sample] {
        (byName[name] ?? []).filter { $0.matches(labels) }
    }

    /// The value of the first such sample.
    public subscript(name: String, labels: [String: String] = [:]) -> Double? {
        byName[name]?.first { $0.matches(labels) }?.value
    }

    /// The sum of such samples; 0 where there are none.
    public func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
        samples(name, labels).reduce(0) { $0 + $1.value }
    }

    /// A histogram, its series with these labels added up; nil where there is none.
    public func histogram(_ name: String, _ labels: [String: String] = [:]) -> HistogramSnapshot? {
        var buckets: [Double: Double] = [:]
        for sample in samples(name + "_bucket", labels) {
            guard let bound = sample.labels["le"].flatMap(SampleReader.number) else { continue }
            buckets[bound, default: 0] += sample.value
        }
        guard !buckets.isEmpty else { return nil }
        return HistogramSnapshot(
            buckets: buckets.sorted { $0.key < $1.key }.map { (upTo: $0.key, count: $0.value) },
            sum: sum(name + "_sum", labels))
    }
}

/// A histogram at one moment.
public struct HistogramSnapshot: Sendable {
    /// How many values were at most as large, rising; the last bound is infinite.
    public let buckets: [(upTo: Double, count: Double)]
    /// The sum of all values.
    public let sum: Double

    /// How many values were counted.
    public var count: Double { buckets.last?.count ?? 0 }

    /// The mean; nil where nothing was counted.
    public var mean: Double? { count > 0 ? sum / count : nil }

    /// What was counted since an earlier moment; all of it where the process began anew between.
    public func since(_ earlier: HistogramSnapshot?) -> HistogramSnapshot {
        guard let earlier, earlier.buckets.map(\.upTo) == buckets.map(\.upTo), earlier.count <= count else {
            return self
        }
        return HistogramSnapshot(
            buckets: zip(buckets, earlier.buckets).map { (upTo: $0.upTo, count: max(0, $0.count - $1.count)) },
            sum: sum - earlier.sum)
    }

    /// The value below which this part of all values lies, as Prometheus' `histogram_quantile` estimates it: linearly within
    /// its bucket, and the last finite bound for what lies above it. Nil where nothing was counted.
    public func quantile(_ part: Double) -> Double? {
        guard count > 0 else { return nil }
        let rank = part * count
        var lower = (upTo: 0.0, count: 0.0)
        for bucket in buckets {
            if bucket.count >= rank, bucket.count > lower.count {
                guard bucket.upTo.isFinite else { return lower.upTo }
                return lower.upTo + (bucket.upTo - lower.upTo) * (rank - lower.count) / (bucket.count - lower.count)
            }
            lower = bucket
        }
        return lower.upTo
    }
}
