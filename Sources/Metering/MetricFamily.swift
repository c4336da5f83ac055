internal import Synchronization

/// The series of one metric, by the values of its labels.
///
/// Whoever counts often keeps the series it was given; finding it takes a lock. The first label may come from outside, such as
/// a stream's name, so the number of series is bounded: see `retire` and `limit`.
public final class MetricFamily<Series: Sendable>: Sendable {
    private struct State {
        var series: [[String]: Series] = [:]
        /// First labels that are over, the one that ended first at the front.
        var retired: [String] = []
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
            if let series = state.series[values] { return series }
            if state.series.count >= limit {
                values[0] = Self.other
                if let series = state.series[values] { return series }
            }
            let series = make()
            state.series[values] = series
            return series
        }
    }

    /// Says that what the first label names is over: its series stay for a while, so that the last figures can be read.
    public func retire(_ first: String) {
        state.withLock { state in
            guard state.series.keys.contains(where: { $0[0] == first }) else { return }
            state.retired.removeAll { $0 == first }
            state.retired.append(first)
            while state.retired.count > kept { Self.remove(state.retired.removeFirst(), from: &state) }
        }
    }

    /// Removes the series of a first label at once.
    public func remove(_ first: String) {
        state.withLock { state in
            state.retired.removeAll { $0 == first }
            Self.remove(first, from: &state)
        }
    }

    private static func remove(_ first: String, from state: inout State) {
        for key in state.series.keys where key[0] == first { state.series[key] = nil }
    }

    /// All series, in the order of their labels.
    package var all: [(labels: [(String, String)], series: Series)] {
        let series = state.withLock { $0.series }
        return series.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { (Array(zip(labels, $0.key)).map { ($0.0, $0.1) }, $0.value) }
    }
}
