internal import Synchronization

/// Counts what was observed by size. Any thread may observe, without a lock.
public final class Histogram: Metric {
    package static let kind = MetricKind.histogram

    /// Upper bounds of the buckets, in the metric's unit, rising; one for everything above is added.
    public struct Buckets: Sendable {
        package let bounds: [Double]

        /// Buckets with these upper bounds.
        public init(_ bounds: [Double]) {
            precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "bounds of a histogram must rise")
            self.bounds = bounds
        }

        /// What a person waits for, in seconds: 1 ms to 10 s.
        public static let latency = Buckets([
            0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10,
        ])
        /// A computer's work on one picture or on a disk, in seconds: 0.1 ms to 10 s.
        public static let work = Buckets([
            0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
        ])
        /// Work on the way of every message, in seconds: 1 µs to 0.1 s.
        public static let quick = Buckets([
            0.000001, 0.000002, 0.000005, 0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.01, 0.1,
        ])
        /// How many things are done at one go: 1 to 1,024.
        public static let counts = Buckets([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])
    }

    private let bounds: [Double]
    /// One a bucket, and one for everything above.
    private let counts: [Counter]
    /// The bits of a Double.
    private let sumBits = Atomic<UInt64>(0)

    /// An empty histogram.
    public init(_ buckets: Buckets) {
        bounds = buckets.bounds
        counts = (0...buckets.bounds.count).map { _ in Counter() }
    }

    /// Counts a value, or several that are equal.
    public func observe(_ value: Double, times: Int = 1) {
        var index = 0
        while index < bounds.count, value > bounds[index] { index += 1 }
        counts[index].add(times)
        let added = value * Double(times)
        var old = sumBits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + added).bitPattern
            let result = sumBits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if result.exchanged { return }
            old = result.original
        }
    }

    /// Counts a duration in seconds.
    public func observe(_ duration: Duration) {
        observe(Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18)
    }

    /// Does some work and counts the seconds that it took.
    public func measure<Result, Failure>(_ work: () throws(Failure) -> Result) throws(Failure) -> Result {
        let start = MonotonicTime.now
        defer { observe(Double(MonotonicTime.now - start) / 1e9) }
        return try work()
    }

    /// How many values were counted.
    public var count: Int { counts.reduce(0) { $0 + $1.value } }
    /// Their sum.
    public var sum: Double { Double(bitPattern: sumBits.load(ordering: .relaxed)) }

    package func write(_ name: String, labels: String, to text: inout ExpositionText) {
        var total = 0
        let start = labels.isEmpty ? "" : labels + ","
        for (bound, counter) in zip(bounds.map(ExpositionText.number) + ["+Inf"], counts) {
            total += counter.value
            text.sample(name + "_bucket", "\(start)le=\"\(bound)\"", "\(total)")
        }
        text.sample(name + "_sum", labels, ExpositionText.number(sum))
        text.sample(name + "_count", labels, "\(total)")
    }
}
