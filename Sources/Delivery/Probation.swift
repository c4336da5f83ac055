/// Lets one session at a time send frames to an infer, while it is unclear whose frame costs that infer its life.
///
///     probation.begin(sessions whose windows hold suspects)
///     guard probation.admits(session) else { keep its frames back }
///     probation.clear(session) once its window holds no suspect any more
package struct Probation<Member: Hashable> {
    private var members: [Member] = []

    /// Nobody is suspected.
    package init() {}

    /// Whether somebody is.
    package var isActive: Bool { !members.isEmpty }

    /// Adds sessions, to be cleared in this order.
    package mutating func begin(_ suspects: some Sequence<Member>) {
        for suspect in suspects where !members.contains(suspect) { members.append(suspect) }
    }

    /// Whether this session's frames may be sent.
    package func admits(_ member: Member) -> Bool {
        members.first.map { $0 == member } ?? true
    }

    /// A session holds no suspects any more, or has left.
    ///
    /// - Returns: whether others may send now that could not before.
    package mutating func clear(_ member: Member) -> Bool {
        guard let index = members.firstIndex(of: member) else { return false }
        members.remove(at: index)
        return index == 0
    }
}
