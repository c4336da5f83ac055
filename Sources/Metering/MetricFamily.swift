internal import Synchronization

/// The series of one metric, by the values of its labels.
///
/// Whoever counts often keeps the series it was given; finding it takes a lock. The first label may come from outside, such as
/// a stream's name, so the number of first labels is bounded: see `retire` and `limit`.
public final class MetricFamily<Series: Sendable>: Sendable {
    private struct State {
        /// By the first label and by all.
        var series: [String: [[String]: Series]] = [:]
        /// First labels that are over, the one that ended first at the front.
        var retired: [String] = []

        mutating func forgetOldest() {
            series[retired.removeFirst()] = nil
        }
    }

    private let state = Mutex(State())
    private let labels: [String]
    /// How many first labels are remembered after they are over.
    private let kept: Int
    private let limit: Int
    private let make: @Sendable () -> Series

    /// The first label of everything beyond the limit.
    package static var other: String { "(other)" }

    init(labels: [String], kept: Int, limit: Int, make: @escaping @Sendable () -> Series) {
        self.labels = labels
        self.kept = kept
        self.limit = limit
        self.make = make
    }

    /// The series with these values, one for each label; made where it is new.
    public subscript(values: String...) -> Series {
        precondition(values.count == labels.count, "\(values.count) values for the labels \(labels)")
        return state.withLock { state in
            var values = values
            if !state.retired.isEmpty { state.retired.removeAll { $0 == values[0] } }
            if let series = state.series[values[0]]?[values] { return series }
            if state.series[values[0]] == nil, state.series.count >= limit {
                if state.retired.isEmpty { values[0] = Self.other } else { state.forgetOldest() }
                if let series = state.series[values[0]]?[values] { return series }
            }
            // Further labels are words of peers too: a later release's reason for a drop.
            if values.count > 1, state.series[values[0]]?.count ?? 0 >= limit {
                values[values.count - 1] = Self.other
                if let series = state.series[values[0]]?[values] { return series }
            }
            let series = make()
            state.series[values[0], default: [:]][values] = series
            return series
        }
    }

    /// Says which first labels are not over. The others' series stay until `kept` more are over, so that the last figures can
    /// be read.
    public func retire(allBut active: Set<String>) {
        state.withLock { state in
            let retired = Set(state.retired)
            state.retired += state.series.keys.filter {
                !active.contains($0) && !retired.contains($0) && $0 != Self.other
            }.sorted()
            while state.retired.count > kept { state.forgetOldest() }
        }
    }

    /// All series, in the order of their labels.
    package var all: [(labels: [(String, String)], series: Series)] {
        let series = state.withLock { $0.series.values.flatMap { $0 } }
        return series.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { (Array(zip(labels, $0.key)).map { ($0.0, $0.1) }, $0.value) }
    }
}
