internal import Synchronization

/// What can be measured and exposed under a name.
package protocol Metric: Sendable {
    /// The word after `# TYPE`.
    static var kind: MetricKind { get }
    /// Writes the samples of one series.
    func write(_ name: String, labels: String, to text: inout ExpositionText)
}

/// The kinds of metrics that PoseBus exposes.
package enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// A number that only grows. Any thread may add to it and any may read it, without a lock.
public final class Counter: Metric {
    package static let kind = MetricKind.counter
    private let count = Atomic<Int>(0)

    /// A counter at 0.
    public init() {}

    /// The count so far.
    public var value: Int { count.load(ordering: .relaxed) }

    /// Counts on.
    public func add(_ amount: Int = 1) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    /// Takes over what its owner has counted itself.
    public func follow(_ total: Int) {
        count.store(total, ordering: .relaxed)
    }

    package func write(_ name: String, labels: String, to text: inout ExpositionText) {
        text.sample(name, labels, "\(value)")
    }
}

/// A number that goes up and down. Any thread may set it and any may read it, without a lock.
public final class Gauge: Metric {
    package static let kind = MetricKind.gauge
    /// The bits of a Double.
    private let bits = Atomic<UInt64>(0)

    /// A gauge at 0.
    public init() {}

    /// The latest value.
    public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    /// Sets it.
    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    /// Sets it.
    public func set(_ value: Int) {
        set(Double(value))
    }

    package func write(_ name: String, labels: String, to text: inout ExpositionText) {
        text.sample(name, labels, ExpositionText.number(value))
    }
}

/// How long ago something was, in seconds at the time of the question: right also while the thread that sets it is stuck.
public final class Age: Metric {
    package static let kind = MetricKind.gauge
    /// Nanoseconds of the monotonic clock; 0 for nothing.
    private let since = Atomic<Int64>(0)

    /// Of nothing yet: 0.
    public init() {}

    /// How old it is.
    public var seconds: Double {
        let since = since.load(ordering: .relaxed)
        return since == 0 ? 0 : max(0, Double(MonotonicTime.now - since) / 1e9)
    }

    /// It is so old now; nil: there is nothing.
    public func set(_ age: Duration?) {
        since.store(age.map { MonotonicTime.now - Int64($0 / .nanoseconds(1)) } ?? 0, ordering: .relaxed)
    }

    package func write(_ name: String, labels: String, to text: inout ExpositionText) {
        text.sample(name, labels, ExpositionText.number(seconds))
    }
}
