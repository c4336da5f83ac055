/// Decides when silence has lasted too long: the last resort behind resending on reconnect.
///
/// The time allowed follows the acknowledgement latency that is observed (as TCP does, RFC 6298), because a timeout
/// shorter than the slowest inference would feed an overload with itself. It only runs out while nothing at all makes
/// progress, and doubles each time it does.
public struct RetryTimer: Sendable {
    /// The bounds of the time allowed.
    public struct Policy: Sendable, Equatable {
        /// Before any latency was observed: covers an engine's first, slow inference.
        public var initial: Duration
        /// Never less than this.
        public var minimum: Duration
        /// Never more than this, doubling included.
        public var maximum: Duration

        public init(
            initial: Duration = .seconds(10), minimum: Duration = .seconds(2), maximum: Duration = .seconds(60)
        ) {
            self.initial = initial
            self.minimum = minimum
            self.maximum = maximum
        }
    }

    private let policy: Policy
    private var latency: (smoothed: Duration, variation: Duration)?
    private var doublings = 0
    private var waitingSince: ContinuousClock.Instant?

    /// A timer that has not observed anything.
    public init(policy: Policy = Policy()) {
        self.policy = policy
    }

    /// The time allowed without progress.
    public var timeout: Duration {
        var timeout = policy.initial
        // Twice RFC 6298's estimate: a resend costs a whole window, a late one only time.
        if let latency { timeout = (latency.smoothed + latency.variation * 4) * 2 }
        return min(max(timeout, policy.minimum) * (1 << doublings), policy.maximum)
    }

    /// When the time is up, or nil while nothing is waited for.
    public var deadline: ContinuousClock.Instant? {
        waitingSince.map { $0 + timeout }
    }

    /// Something was sent; where nothing was waited for, the wait begins.
    public mutating func sent(at now: ContinuousClock.Instant) {
        if waitingSince == nil { waitingSince = now }
    }

    /// Something was acknowledged.
    ///
    /// - Parameters:
    ///   - sample: how long it took, or nil where it was sent more than once, so that nobody can tell (Karn's rule).
    ///   - isWaiting: whether more is in flight.
    public mutating func progressed(at now: ContinuousClock.Instant, sample: Duration?, isWaiting: Bool) {
        waitingSince = isWaiting ? now : nil
        guard let sample else {
            doublings = max(0, doublings - 1)
            return
        }
        doublings = 0
        if let latency {
            let error = sample > latency.smoothed ? sample - latency.smoothed : latency.smoothed - sample
            self.latency = (
                smoothed: latency.smoothed + (sample - latency.smoothed) / 8,
                variation: latency.variation + (error - latency.variation) / 4
            )
        } else {
            latency = (smoothed: sample, variation: sample / 2)
        }
    }

    /// Everything will be sent again, and nothing is waited for until it is.
    ///
    /// - Parameter timedOut: whether the time ran out, which doubles it.
    public mutating func restarted(timedOut: Bool) {
        waitingSince = nil
        if timedOut, timeout < policy.maximum { doublings += 1 }
    }
}
