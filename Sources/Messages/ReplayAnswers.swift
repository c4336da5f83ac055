/// What a store knows of one session: an answer to the replay request `{"sessions":true}`.
public struct SessionSummary: Sendable, Equatable, Codable {
    /// What `posebus refine` made of the session.
    public struct Revision: Sendable, Equatable, Codable {
        /// Counts from 1; the highest is the latest.
        public var number: Int
        /// When it was made, Unix time in nanoseconds.
        public var madeNs: Int64

        /// A revision.
        public init(number: Int, madeNs: Int64) {
            self.number = number
            self.madeNs = madeNs
        }

        enum CodingKeys: String, CodingKey {
            case number
            case madeNs = "made_ns"
        }
    }

    /// The protocol's version.
    public var v = ProtocolVersion.written
    /// The stream.
    public var stream: StreamName
    /// The run of the stream.
    public var session: SessionID
    /// The first sequence that the store has.
    public var first: UInt64
    /// The sequence after the last one that the store has.
    public var next: UInt64
    /// Outcomes that are poses.
    public var poses: UInt64
    /// Outcomes that are drops.
    public var drops: UInt64
    /// When its first outcome was stored, Unix time in nanoseconds.
    public var beganNs: Int64
    /// When its end was stored; nil while it runs, or where it was cut off.
    public var endedNs: Int64?
    /// How many frames it had; known once it has ended.
    public var frames: UInt64?
    /// How many of its pictures are kept.
    public var keptFrames: Int
    /// Of the latest frame, pixels; 0 where unknown.
    public var width: Int
    /// Of the latest frame, pixels; 0 where unknown.
    public var height: Int
    /// What looked at the latest frame; empty where nothing did.
    public var engine: String
    /// Whose names its keypoints have; empty where there are none.
    public var skeleton: String
    /// What was made of it later, the oldest first.
    public var revisions: [Revision]

    /// A summary.
    public init(
        stream: StreamName, session: SessionID, first: UInt64, next: UInt64, poses: UInt64, drops: UInt64,
        beganNs: Int64, endedNs: Int64? = nil, frames: UInt64? = nil, keptFrames: Int = 0, width: Int = 0,
        height: Int = 0, engine: String = "", skeleton: String = "", revisions: [Revision] = []
    ) {
        self.stream = stream
        self.session = session
        self.first = first
        self.next = next
        self.poses = poses
        self.drops = drops
        self.beganNs = beganNs
        self.endedNs = endedNs
        self.frames = frames
        self.keptFrames = keptFrames
        self.width = width
        self.height = height
        self.engine = engine
        self.skeleton = skeleton
        self.revisions = revisions
    }

    enum CodingKeys: String, CodingKey {
        case v, stream, session, first, next, poses, drops, frames, width, height, engine, skeleton, revisions
        case beganNs = "began_ns"
        case endedNs = "ended_ns"
        case keptFrames = "kept_frames"
    }
}

/// A stretch of a session without its poses: an answer to a replay request of format `timeline`.
public struct Timeline: Sendable, Equatable, Codable {
    /// A frame without a pose.
    public struct Drop: Sendable, Equatable, Codable {
        /// Which frame.
        public var sequence: UInt64
        /// The stage that decided.
        public var stage: String
        /// Why.
        public var reason: String

        /// A drop.
        public init(sequence: UInt64, stage: String, reason: String) {
            self.sequence = sequence
            self.stage = stage
            self.reason = reason
        }

        /// `[sequence, stage, reason]`.
        public init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            sequence = try values.decode(UInt64.self)
            stage = try values.decode(String.self)
            reason = try values.decode(String.self)
        }

        public func encode(to encoder: any Encoder) throws {
            var values = encoder.unkeyedContainer()
            try values.encode(sequence)
            try values.encode(stage)
            try values.encode(reason)
        }
    }

    /// The sequence of the first entry; the others follow without a gap.
    public var first: UInt64
    /// When each frame was taken, Unix time in nanoseconds.
    public var captureTimeNs: [Int64]
    /// How many persons were seen in each.
    public var persons: [Int]
    /// Those without a pose, in order.
    public var drops: [Drop]
    /// The pictures that are kept, as first and last sequence of each stretch, in order.
    public var kept: [[UInt64]]

    /// A stretch.
    public init(
        first: UInt64, captureTimeNs: [Int64] = [], persons: [Int] = [], drops: [Drop] = [], kept: [[UInt64]] = []
    ) {
        self.first = first
        self.captureTimeNs = captureTimeNs
        self.persons = persons
        self.drops = drops
        self.kept = kept
    }

    /// The sequence after the last entry.
    public var next: UInt64 { first + UInt64(persons.count) }

    /// Adds the next frame.
    public mutating func append(
        captureTimeNs: Int64, persons: Int, drop: (stage: String, reason: String)?, isKept: Bool
    ) {
        let sequence = next
        self.captureTimeNs.append(captureTimeNs)
        self.persons.append(persons)
        if let drop { drops.append(Drop(sequence: sequence, stage: drop.stage, reason: drop.reason)) }
        if isKept { keep(sequence, sequence) }
    }

    /// Adds the stretch that follows.
    public mutating func append(_ other: Timeline) {
        captureTimeNs += other.captureTimeNs
        persons += other.persons
        drops += other.drops
        for stretch in other.kept where stretch.count == 2 { keep(stretch[0], stretch[1]) }
    }

    private mutating func keep(_ from: UInt64, _ through: UInt64) {
        if let last = kept.last?.last, last + 1 == from {
            kept[kept.count - 1][1] = through
        } else {
            kept.append([from, through])
        }
    }

    enum CodingKeys: String, CodingKey {
        case first, persons, drops, kept
        case captureTimeNs = "capture_time_ns"
    }
}

extension StreamName: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do throws(Invalid) {
            try self.init(text)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension SessionID: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let session = SessionID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a UUID")
        }
        self = session
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
