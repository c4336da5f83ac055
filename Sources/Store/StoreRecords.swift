public import Foundation
public import Messages

/// One outcome as a row of the store: its protobuf, and the columns by which people query.
public struct OutcomeRecord: Sendable, Equatable {
    /// The stream.
    public var stream: StreamName
    /// The run of the stream.
    public var session: SessionID
    /// The frame's number in the session.
    public var sequence: SequenceNumber
    /// When the camera took the frame.
    public var captureTime: Timestamp
    /// The stage that dropped the frame; nil for a pose.
    public var dropStage: StageName?
    /// Why the frame has no pose; nil for a pose.
    public var dropReason: DropReason?
    /// How many persons were seen in the frame.
    public var persons: Int
    /// The outcome as protobuf (`posebus.v1.Outcome`), exactly the bytes that were published.
    public var body: Data

    /// A row.
    public init(
        stream: StreamName, session: SessionID, sequence: SequenceNumber, captureTime: Timestamp,
        dropStage: StageName? = nil, dropReason: DropReason? = nil, persons: Int, body: Data
    ) {
        self.stream = stream
        self.session = session
        self.sequence = sequence
        self.captureTime = captureTime
        self.dropStage = dropStage
        self.dropReason = dropReason
        self.persons = persons
        self.body = body
    }

    /// A row from an outcome and the bytes that stand for it.
    public init(_ outcome: Outcome, body: Data) {
        self.init(
            stream: outcome.frame.stream, session: outcome.frame.session, sequence: outcome.frame.sequence,
            captureTime: outcome.frame.captureTime, dropStage: outcome.drop?.stage, dropReason: outcome.drop?.reason,
            persons: outcome.observedPersons, body: body)
    }

    /// A row from what is read of an outcome, and the bytes that stand for it.
    package init(_ outcome: OutcomeSummary, body: Data) {
        self.init(
            stream: outcome.frame.stream, session: outcome.frame.session, sequence: outcome.frame.sequence,
            captureTime: outcome.frame.captureTime, dropStage: outcome.drop?.stage, dropReason: outcome.drop?.reason,
            persons: outcome.observedPersons, body: body)
    }

    /// The outcome, read from its protobuf.
    public func outcome() throws(WireError) -> Outcome {
        try Outcome(wire: [UInt8](body))
    }
}

/// The end of a session as it is stored.
public struct EndRecord: Sendable, Equatable {
    /// The stream.
    public var stream: StreamName
    /// The run of the stream that ends.
    public var session: SessionID
    /// How many frames ingest numbered in the session.
    public var frames: UInt64

    /// An end.
    public init(stream: StreamName, session: SessionID, frames: UInt64) {
        self.stream = stream
        self.session = session
        self.frames = frames
    }
}

/// What infer knows of a running session, in its engine's own form, after the outcomes stored before it.
public struct SessionStateRecord: Sendable, Equatable {
    /// The run of the stream.
    public var session: SessionID
    /// The bytes.
    public var state: [UInt8]

    /// A state.
    public init(session: SessionID, state: [UInt8]) {
        self.session = session
        self.state = state
    }
}

/// The picture that an outcome belongs to.
public struct FrameRecord: Sendable, Equatable {
    /// The run of the stream.
    public var session: SessionID
    /// The frame's number in the session.
    public var sequence: SequenceNumber
    /// The JPEG as the camera sent it.
    public var jpeg: Data

    /// A picture.
    public init(session: SessionID, sequence: SequenceNumber, jpeg: Data) {
        self.session = session
        self.sequence = sequence
        self.jpeg = jpeg
    }
}

/// What one commit stores, in the order in which it is to be seen.
public enum StoreEntry: Sendable, Equatable {
    /// An outcome of the session's next sequence.
    case outcome(OutcomeRecord)
    /// The picture of the outcome just before it.
    case frame(FrameRecord)
    /// What infer knows after the session's last outcome: only the latest is kept, and only until the session ends.
    case state(SessionStateRecord)
    /// The end of a session.
    case end(EndRecord)
}

/// What the store knows of one session.
public struct SessionRecord: Sendable, Equatable {
    /// The run of the stream.
    public var session: SessionID
    /// The stream.
    public var stream: StreamName
    /// Where the store's part of the session begins: 0, unless another store has the beginning.
    public var first: SequenceNumber
    /// The high-water mark: every sequence from `first` to below it has its outcome in the store.
    public var next: SequenceNumber
    /// Outcomes with a pose (of perhaps no person).
    public var poses: UInt64
    /// Outcomes that are drops.
    public var drops: UInt64
    /// When the first of the session was stored, by the sink's clock.
    public var began: Timestamp
    /// When its end was stored; nil while it runs, or where it was cut off.
    public var ended: Timestamp?
    /// How many frames ingest numbered; known once the session has ended.
    public var frames: UInt64?
}

/// Sums over the whole store.
public struct StoreTotals: Sendable, Equatable {
    /// Sessions, running ones included.
    public var sessions: UInt64
    /// Outcomes with a pose.
    public var poses: UInt64
    /// Outcomes that are drops.
    public var drops: UInt64

    package init(sessions: UInt64, poses: UInt64, drops: UInt64) {
        self.sessions = sessions
        self.poses = poses
        self.drops = drops
    }

    /// Outcomes: poses and drops.
    public var outcomes: UInt64 { poses + drops }
}

/// What a refinement made of one session: other persons for its poses, beside the outcomes, which stay as they are.
public struct RevisionRecord: Sendable, Equatable {
    /// The run of the stream that was refined.
    public var session: SessionID
    /// The session's revisions count from 1; the highest is the latest.
    public var number: Int
    /// The session's outcomes below this sequence were refined.
    public var next: SequenceNumber
    /// When it was made.
    public var made: Timestamp
    /// How it was made, as JSON.
    public var options: String
    /// What was done, as JSON.
    public var summary: String

    /// The row of its table.
    let row: Int64

    init(
        session: SessionID, number: Int, next: SequenceNumber, made: Timestamp, options: String, summary: String,
        row: Int64
    ) {
        self.session = session
        self.number = number
        self.next = next
        self.made = made
        self.options = options
        self.summary = summary
        self.row = row
    }
}
