package import Messages

/// Which infer has a session, and the move to another one that it is on.
///
/// A planned move loses and repeats nothing. It keeps back what was not sent yet, waits until what the infer has is
/// acknowledged, and goes on at the other one with what was known of the session, in the oldest frame's header. It does not
/// wait for an infer whose connection is gone, and no longer for one from which nothing comes back than ingest waits before it
/// sends again: then everything unacknowledged is sent to the other one.
///
/// Call `follow` when `Membership.version` has changed, and while there is a `move` also with each acknowledgement and now and
/// then.
package struct Placement: Sendable {
    /// A move from one infer to another.
    package struct Move: Sendable, Equatable {
        package let from: String
        package internal(set) var to: String
        package internal(set) var reason: MoveReason
        /// When frames began to be kept back.
        package let since: ContinuousClock.Instant
    }

    /// What `follow` did.
    package enum Step: Sendable, Equatable {
        /// Frames that were not sent yet wait until the others are acknowledged.
        case began(Move)
        /// It stays where it is: the other infer went, or this one is back.
        case gaveUp(Move)
        /// It is with the other infer.
        ///
        /// - Parameters:
        ///   - resends: how many entries are sent again, for they were with the infer that was left.
        case arrived(Move, resends: Int)
    }

    /// The infer that has the session; nil while no infer is known.
    package private(set) var infer: String?
    /// The move that is under way.
    package private(set) var move: Move?
    /// The oldest unacknowledged entry, and since when it is that.
    private var oldest = SequenceNumber.first
    private var oldestSince: ContinuousClock.Instant

    /// A session that begins.
    package init(_ stream: StreamName, in membership: Membership, at now: ContinuousClock.Instant) {
        infer = membership.place(stream)
        oldestSince = now
    }

    /// Goes where the session belongs by now, as far as that is possible yet.
    package mutating func follow<Payload>(
        _ membership: Membership, stream: StreamName, window: inout SendWindow<Payload>,
        at now: ContinuousClock.Instant
    ) -> [Step] {
        guard let infer else {
            infer = membership.place(stream)
            return []
        }
        guard let destination = membership.destination(of: stream, from: infer) else {
            guard let given = move else { return [] }
            move = nil
            window.goOn()
            return [.gaveUp(given)]
        }
        var steps: [Step] = []
        if move == nil {
            let new = Move(from: infer, to: destination.infer, reason: destination.reason, since: now)
            move = new
            window.holdBack()
            (oldest, oldestSince) = (window.oldestUnacknowledged, now)
            if !window.isHandedBack, membership.isConnected(infer) { steps.append(.began(new)) }
        }
        move?.to = destination.infer
        move?.reason = destination.reason
        if window.oldestUnacknowledged > oldest { (oldest, oldestSince) = (window.oldestUnacknowledged, now) }

        let isOver =
            window.isHandedBack || !membership.isConnected(infer) || now - oldestSince >= window.patience
        guard isOver, let move else { return steps }
        self.move = nil
        self.infer = move.to
        return steps + [.arrived(move, resends: window.handOver())]
    }
}
