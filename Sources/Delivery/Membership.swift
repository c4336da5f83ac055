package import Messages

/// Why a stream's frames go on at another infer.
package enum MoveReason: String, Sendable, CaseIterable {
    /// An infer joined, and hashing gives it the stream.
    case joined
    /// An infer is back in reach for good, and hashing gives it the stream.
    case returned
    /// Its infer is on the list no more.
    case left
    /// Its infer stayed out of reach.
    case unreachable
}

/// Which infers there are, which of them are in reach, and which one a stream belongs to.
///
/// It is told what the list says and what happens to connections, and decides; `Placement` carries it out for one session.
///
///     membership.list(endpoints, at: now)          // the whole list, each time it changed
///     membership.connected(endpoint, at: now)      // and `lost`
///     for event in membership.advance(at: now) { … }      // often: time alone settles who may have streams
///     membership.place(stream), membership.destination(of: stream, from: endpoint)
///
/// A stream belongs to the infer that rendezvous hashing chooses. So that one which comes and goes does not take streams
/// along each time, an infer is given streams of others only once it is *settled*: connected for `moveAfter` without a
/// break, and twice as long for each further time it lost its streams lately. It loses them only after `moveAfter` out of
/// reach, or when it leaves the list. An outage shorter than that changes nothing.
package struct Membership: Sendable {
    /// What time has brought about.
    package enum Event: Sendable, Equatable {
        /// In reach for long enough: it is given the streams that belong to it. `joined` or `returned`.
        case settled(String, MoveReason)
        /// Out of reach for so long that it loses its streams, where another one is in reach.
        case out(String)
    }

    private struct Member: Sendable {
        var isListed = true
        var connectedSince: ContinuousClock.Instant?
        var lostSince: ContinuousClock.Instant
        var isSettled = false
        var isOut = false
        /// Whether it was out of reach since it joined.
        var wasLost = false
        /// How often it lost its streams lately, and when last.
        var strikes = 0
        var struckAt: ContinuousClock.Instant
    }

    /// How long an infer has to be in reach, or out of it, before streams move.
    package let moveAfter: Duration
    private var members: [String: Member] = [:]
    /// Counts what can change where a stream belongs.
    package private(set) var version = 0

    /// Strikes are forgiven one by one, each after so many times `moveAfter`.
    private static let forgiveness = 16
    /// More strikes make nothing worse: 2^5 times `moveAfter`.
    private static let maxStrikes = 6

    /// Without any infer.
    package init(moveAfter: Duration) {
        self.moveAfter = moveAfter
    }

    // MARK: - What happens

    /// Takes the whole list of infers.
    ///
    /// - Returns: who joined and who left, in alphabetical order.
    package mutating func list(
        _ endpoints: some Sequence<String>, at now: ContinuousClock.Instant
    ) -> (joined: [String], left: [String]) {
        let listed = Set(endpoints)
        let joined = listed.filter { members[$0]?.isListed != true }.sorted()
        let left = members.filter { $0.value.isListed && !listed.contains($0.key) }.keys.sorted()
        for endpoint in joined {
            var member = members[endpoint] ?? Member(lostSince: now, struckAt: now)
            member.isListed = true
            member.isOut = false
            member.wasLost = false
            // It may still be connected, for streams that have not left it.
            if member.connectedSince != nil { member.connectedSince = now } else { member.lostSince = now }
            members[endpoint] = member
        }
        for endpoint in left {
            members[endpoint]?.isListed = false
            members[endpoint]?.isSettled = false
            strike(endpoint, at: now)
        }
        if !joined.isEmpty || !left.isEmpty { version += 1 }
        return (joined, left)
    }

    /// The connection to an infer stands.
    package mutating func connected(_ endpoint: String, at now: ContinuousClock.Instant) {
        guard members[endpoint] != nil else { return }
        members[endpoint]?.connectedSince = now
        members[endpoint]?.isOut = false
        version += 1
    }

    /// The connection to an infer is gone.
    package mutating func lost(_ endpoint: String, at now: ContinuousClock.Instant) {
        guard members[endpoint]?.connectedSince != nil else { return }
        members[endpoint]?.connectedSince = nil
        members[endpoint]?.lostSince = now
        members[endpoint]?.isSettled = false
        members[endpoint]?.wasLost = true
        version += 1
    }

    /// Lets time pass.
    package mutating func advance(at now: ContinuousClock.Instant) -> [Event] {
        var events: [Event] = []
        for endpoint in members.keys.sorted() {
            guard let member = members[endpoint] else { continue }
            if !member.isListed {
                // Remembered for as long as it matters whether it comes back.
                if member.connectedSince == nil, strikes(of: member, at: now) == 0 { members[endpoint] = nil }
            } else if let since = member.connectedSince {
                guard !member.isSettled, now - since >= settlingTime(of: member, at: now) else { continue }
                members[endpoint]?.isSettled = true
                events.append(.settled(endpoint, reason(of: member)))
            } else if !member.isOut, now - member.lostSince >= moveAfter {
                members[endpoint]?.isOut = true
                strike(endpoint, at: now)
                events.append(.out(endpoint))
            }
        }
        if !events.isEmpty { version += 1 }
        return events
    }

    // MARK: - What follows

    /// The infers on the list, in alphabetical order.
    package var listed: [String] { members.filter(\.value.isListed).keys.sorted() }

    /// Whether an infer is on the list.
    package func isListed(_ endpoint: String) -> Bool { members[endpoint]?.isListed == true }

    /// Whether an infer is connected.
    package func isConnected(_ endpoint: String) -> Bool { members[endpoint]?.connectedSince != nil }

    /// How long an infer has to be connected before it is given streams of others.
    package func settlingTime(of endpoint: String, at now: ContinuousClock.Instant) -> Duration {
        members[endpoint].map { settlingTime(of: $0, at: now) } ?? moveAfter
    }

    /// The infer for a session that begins: among those in reach, or among all where none is. Nil where the list is empty.
    package func place(_ stream: StreamName) -> String? {
        choose(for: stream) { $0.isListed && $0.connectedSince != nil } ?? choose(for: stream) { $0.isListed }
    }

    /// Where a stream that is with an infer belongs instead; nil where it stays.
    ///
    /// It leaves an infer that left the list, or is out of reach for too long, as soon as another one is in reach; until then
    /// it stays, so that a mistake in a list stops nothing. It leaves one that is well for a settled one only.
    package func destination(of stream: StreamName, from current: String) -> (infer: String, reason: MoveReason)? {
        guard let member = members[current], member.isListed, !member.isOut else {
            let reason = members[current]?.isListed == true ? MoveReason.unreachable : .left
            return choose(for: stream) { $0.isListed && $0.connectedSince != nil }.map { ($0, reason) }
        }
        guard member.connectedSince != nil else { return nil }
        let settled = members.filter { $0.value.isSettled || $0.key == current }
        guard let chosen = rendezvous(stream, among: settled.map(\.key)).map({ settled.map(\.key)[$0] }),
            chosen != current, let to = members[chosen]
        else { return nil }
        return (chosen, reason(of: to))
    }

    private func choose(for stream: StreamName, where isCandidate: (Member) -> Bool) -> String? {
        let candidates = members.filter { isCandidate($0.value) }.map(\.key)
        return rendezvous(stream, among: candidates).map { candidates[$0] }
    }

    private func reason(of member: Member) -> MoveReason { member.wasLost ? .returned : .joined }

    // MARK: - Coming and going

    private mutating func strike(_ endpoint: String, at now: ContinuousClock.Instant) {
        guard var member = members[endpoint] else { return }
        member.strikes = min(Self.maxStrikes, strikes(of: member, at: now) + 1)
        member.struckAt = now
        members[endpoint] = member
    }

    private func strikes(of member: Member, at now: ContinuousClock.Instant) -> Int {
        guard moveAfter > .zero else { return 0 }
        return max(0, member.strikes - Int((now - member.struckAt) / (moveAfter * Self.forgiveness)))
    }

    private func settlingTime(of member: Member, at now: ContinuousClock.Instant) -> Duration {
        moveAfter * (1 << max(0, strikes(of: member, at: now) - 1))
    }
}
