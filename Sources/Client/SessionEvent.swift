package import Messages

/// The beginning or the end of a session, as the sink announces it.
public struct SessionEvent: Sendable, Equatable, Decodable {
    /// What happened.
    public enum Kind: String, Sendable, Decodable {
        case begin, end
    }

    /// What happened.
    public let event: Kind
    /// The stream's name.
    public let stream: String
    /// The session's UUID.
    public let session: String
    /// Frames stored of the session so far; at its end all of them.
    public let frames: Int
    /// Outcomes that are poses.
    public let poses: Int
    /// Outcomes that are drops.
    public let drops: Int
    /// At the end: whether all frames are stored. False where the session's ingest is gone, and with it what it held.
    public let complete: Bool?

    package init(
        _ event: Kind, stream: StreamName, session: SessionID, poses: Int = 0, drops: Int = 0,
        complete: Bool? = nil
    ) {
        self.event = event
        self.stream = stream.description
        self.session = session.description
        frames = poses + drops
        self.poses = poses
        self.drops = drops
        self.complete = complete
    }
}
