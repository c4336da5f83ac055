/// When the next commit may begin.
///
/// A transaction costs about as much as a dozen of the rows in it, so while outcomes come densely commits begin a little
/// apart and more of them share one. An outcome that comes alone, or with the few of other cameras, waits for nobody: in so
/// short a time too few would join it.
package struct CommitPace {
    private let spacing: Duration
    /// Commits that began within the last `spacing`.
    private var recent: [(begin: ContinuousClock.Instant, outcomes: Int)] = []

    /// So many outcomes within `spacing` are dense.
    package static let dense = 8

    /// - Parameter spacing: between the beginnings of two commits while outcomes come densely.
    package init(spacing: Duration) {
        self.spacing = spacing
    }

    /// Takes note of a commit that begins.
    ///
    /// - Returns: the earliest beginning of the next one.
    package mutating func begin(
        _ outcomes: Int, at now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant {
        recent.removeAll { $0.begin + spacing <= now }
        recent.append((now, outcomes))
        return recent.reduce(0) { $0 + $1.outcomes } < Self.dense ? now : now + spacing
    }
}
