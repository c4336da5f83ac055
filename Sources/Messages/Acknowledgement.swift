/// What the sink has stored of one session. Cumulative: a later one makes the earlier ones unnecessary.
public struct Acknowledgement: Hashable, Sendable {
    /// The session.
    public var session: SessionID
    /// Every sequence below this one has its outcome in the store.
    public var next: SequenceNumber
    /// The session's end is in the store too.
    public var ended: Bool

    /// An acknowledgement.
    public init(session: SessionID, next: SequenceNumber, ended: Bool = false) {
        self.session = session
        self.next = next
        self.ended = ended
    }
}
