public import Messages

/// The first way through a session: what each track was, in little memory, and from that which tracks are one person.
public struct SessionSurvey: Sendable {
    private let options: RefinementOptions
    private var clock = FrameClock()
    private var tracks: [UInt32: TrackRecord] = [:]
    private var last: UInt64 = 0
    private var first: UInt64?

    /// A survey of one session.
    public init(options: RefinementOptions) {
        self.options = options
    }

    /// Takes the session's next outcome, a drop included.
    public mutating func add(_ outcome: Outcome) {
        let frame = outcome.frame
        let tick = clock.tick(sequence: frame.sequence.value, nanoseconds: frame.captureTime.nanoseconds)
        first = first ?? frame.sequence.value
        last = frame.sequence.value
        guard outcome.drop == nil else { return }
        var seen: Set<UInt32> = []
        // Live predictions are no evidence: the person is predicted again, from both sides.
        for person in outcome.persons where person.observed && seen.insert(person.trackID).inserted {
            guard BodyState(person, BodyLayout(person)) != nil else { continue }
            tracks[person.trackID, default: TrackRecord(person.trackID)]
                .add(person, tick, width: frame.width, height: frame.height)
        }
    }

    /// What to do with the tracks, once the session's last outcome was taken.
    ///
    /// - Parameter appearance: how looks are compared; nil where place, size and pose have to do.
    public func plan(appearance: AppearanceMeasure? = nil) -> RefinementPlan {
        let timeBase = TimeBase(clock.intervals, frameRate: options.frameRate)
        let sorted = tracks.values.sorted { ($0.first.sequence, $0.id) < ($1.first.sequence, $1.id) }
        let joiner = FragmentJoiner(
            timeBase: timeBase, maxJoin: options.maxJoin, appearance: appearance.map { AppearanceModel($0, sorted) })
        return RefinementPlan(
            timeBase: timeBase, tracks: sorted, successors: joiner.successors(sorted), spurious: isSpurious)
    }

    /// Observations that a tracker asks for before it is sure of a person; PHALP's `n_init`.
    private static let observationsToBeSure = 5

    /// Whether fragments together are of nobody. A detector takes a coat for a person now and then, for a few frames; the
    /// tracker waits for as many before it is sure. Who was never confirmed, was not seen for so long with all fragments
    /// together and had the time to be is taken for such a mistake. At the session's edges there was no time, and without
    /// a tracker's word nothing is removed.
    private func isSpurious(_ fragments: [TrackRecord]) -> Bool {
        let margin = UInt64(Self.observationsToBeSure)
        return fragments.allSatisfy { $0.hasStates && !$0.isConfirmed }
            && fragments.reduce(0) { $0 + $1.observations } < Self.observationsToBeSure
            && fragments[0].first.sequence >= (first ?? 0) + margin
            && fragments[fragments.count - 1].last.sequence + margin <= last
    }
}
