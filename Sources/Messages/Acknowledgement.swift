/// The most bytes that an infer's knowledge of a session may have: 64 persons with all that is remembered of each.
public let maxSessionStateLength = 1 << 20

/// What the sink has stored of one session. Cumulative: a later one makes the earlier ones unnecessary.
public struct Acknowledgement: Hashable, Sendable {
    /// The session.
    public var session: SessionID
    /// Every sequence below this one has its outcome in the store.
    public var next: SequenceNumber
    /// The session's end is in the store too.
    public var ended: Bool
    /// What infer knew of the session's persons after the frame before `next`, in its engine's own form; empty where it
    /// said nothing, or the session has ended. At most `maxSessionStateLength` bytes.
    public var sessionState: [UInt8]

    /// An acknowledgement.
    public init(session: SessionID, next: SequenceNumber, ended: Bool = false, sessionState: [UInt8] = []) {
        self.session = session
        self.next = next
        self.ended = ended
        self.sessionState = sessionState
    }
}
