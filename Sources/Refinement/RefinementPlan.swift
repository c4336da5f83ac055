/// What a refinement decided about a session's tracks, before it goes through the frames a second time.
public struct RefinementPlan: Sendable {
    /// A person of the refined session.
    struct Identity: Sendable, Equatable {
        /// Whether the live tracker was sure of one of the fragments at any time.
        var isConfirmed = false
        /// SMPL's 10 shape coefficients, one set for the whole time; nil where no body was fitted.
        var shape: [Float]?
    }

    /// What time means in the session.
    package let timeBase: TimeBase
    /// The person a track belongs to: the number of the first of its fragments.
    private(set) var identityOfTrack: [UInt32: UInt32] = [:]
    /// Every person, by number.
    private(set) var identities: [UInt32: Identity] = [:]
    /// Tracks that are of nobody.
    private(set) var removed: Set<UInt32> = []
    /// Pairs of fragments that were joined: the earlier and the later track's number.
    package private(set) var joins: [(UInt32, UInt32)] = []
    /// What is known so far of the result.
    public private(set) var summary = RefinementSummary()

    init(
        timeBase: TimeBase, tracks: [TrackRecord], successors: [Int?], spurious: ([TrackRecord]) -> Bool
    ) {
        self.timeBase = timeBase
        summary.usesCaptureTimes = timeBase.usesCaptureTimes
        summary.tracks = tracks.count
        var isContinuation = [Bool](repeating: false, count: tracks.count)
        for successor in successors { if let successor { isContinuation[successor] = true } }
        for first in tracks.indices where !isContinuation[first] {
            var fragments = [tracks[first]]
            var last = first
            while let next = successors[last] {
                fragments.append(tracks[next])
                last = next
            }
            guard !spurious(fragments) else {
                removed.formUnion(fragments.map(\.id))
                continue
            }
            let number = tracks[first].id
            for fragment in fragments { identityOfTrack[fragment.id] = number }
            identities[number] = Identity(
                isConfirmed: fragments.contains(where: \.isConfirmed),
                shape: ShapeSamples.mean(of: fragments.map(\.shapes)))
            for (earlier, later) in zip(fragments, fragments.dropFirst()) { joins.append((earlier.id, later.id)) }
        }
        summary.identities = identities.count
        summary.removed = removed.count
        summary.joined = joins.count
    }
}
