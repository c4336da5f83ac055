internal import Foundation
internal import Messages
internal import Store
internal import ZeroMQ

/// Reads what one replay request asks for, page by page.
struct ReplayReader {
    /// A piece of the answer.
    struct Page {
        /// The messages, without their addressee.
        var items: [[Message]] = []
        /// How many outcomes, pictures or sessions they tell of.
        var count = 0
        /// The sequence to go on with.
        var next: SequenceNumber?
    }

    private enum Content {
        case range(SessionID, ReplayRequest.Format, RevisionRecord?)
        case sessions(ArraySlice<SessionRecord>)
    }

    private var content: Content
    private let stream: StreamName?
    /// Counts what is on its way to whoever asked.
    private let meter: MessageMeter
    private var next: SequenceNumber
    private let last: SequenceNumber?
    /// Whether everything has been read.
    private(set) var isAtEnd: Bool

    /// Whether an answer that was cut cannot be gone on with by another request.
    var isWhole: Bool {
        if case .sessions = content { true } else { false }
    }

    /// How many outcomes one message of a timeline tells of.
    private static let timelinePage = 5000

    /// Finds what a request is about.
    ///
    /// - Returns: a reader, and the answer's end as far as it is known now.
    /// - Throws: `ReplayRequest.Invalid` or `RevisionChoice.NotFound` where there is no such thing, or `StoreError`.
    static func begin(
        _ request: ReplayRequest, _ store: StoreReader, countedBy meter: MessageMeter
    ) throws -> (ReplayReader, ReplayEnd) {
        if let limit = request.sessionLimit {
            let sessions = try store.newestSessions(of: request.stream, limit: limit)[...]
            let reader = ReplayReader(
                content: .sessions(sessions), stream: request.stream, meter: meter, next: .first, last: nil,
                isAtEnd: sessions.isEmpty)
            return (reader, ReplayEnd(stream: request.stream?.description))
        }
        let record = try find(request, store)
        let revision = try store.revision(request.revision, of: record)
        let stored = record.next == .first ? nil : record.next.advanced(by: -1)
        let last = stored.map { min(request.to ?? $0, $0) }
        let next = max(request.from, record.first)
        let reader = ReplayReader(
            content: .range(record.session, request.format, revision), stream: record.stream, meter: meter, next: next,
            last: last, isAtEnd: last.map { next > $0 } ?? true)
        let end = ReplayEnd(
            stream: record.stream.description, session: record.session.description, next: next.value,
            ended: record.ended != nil, poses: record.poses, drops: record.drops,
            nextSession: try store.session(after: record.session)?.description)
        return (reader, end)
    }

    private static func find(_ request: ReplayRequest, _ store: StoreReader) throws -> SessionRecord {
        let unknown = ReplayRequest.Invalid(description: "the store holds no such session")
        if let session = request.session {
            guard let record = try store.session(session), record.stream == request.stream ?? record.stream else {
                throw unknown
            }
            return record
        }
        guard let stream = request.stream, let record = try store.latestSession(of: stream) else { throw unknown }
        return record
    }

    /// Reads the next piece, of at most `limit` items; it ends with the one that takes it past `maxBytes`.
    mutating func read(_ store: StoreReader, limit: Int, maxBytes: Int) throws -> Page {
        guard !isAtEnd else { return Page() }
        switch content {
        case .sessions(let sessions):
            let now = sessions.prefix(limit)
            content = .sessions(sessions.dropFirst(now.count))
            isAtEnd = now.count == sessions.count
            return Page(items: try now.map { [message(json(try store.summary(of: $0)))] }, count: now.count)
        case .range(let session, let format, let revision):
            guard let last else { return Page() }
            let page =
                switch format {
                case .json, .pb: try outcomes(of: session, format, revision, through: last, limit, maxBytes, store)
                case .jpeg: try pictures(of: session, through: last, limit, maxBytes, store)
                case .timeline: try timeline(of: session, revision, through: last, store)
                }
            if let reached = page.next { next = reached }
            isAtEnd = page.next == nil || next > last
            return page
        }
    }

    private func outcomes(
        of session: SessionID, _ format: ReplayRequest.Format, _ revision: RevisionRecord?,
        through last: SequenceNumber, _ limit: Int, _ maxBytes: Int, _ store: StoreReader
    ) throws -> Page {
        let records = try store.outcomes(
            of: session, from: next, through: last, limit: limit, maxBytes: maxBytes, revision: revision)
        let items = try records.map { record in
            format == .pb ? [message(record.body)] : [message(try record.outcome().jsonBytes())]
        }
        return Page(items: items, count: records.count, next: records.last?.sequence.next)
    }

    private func pictures(
        of session: SessionID, through last: SequenceNumber, _ limit: Int, _ maxBytes: Int, _ store: StoreReader
    ) throws -> Page {
        let frames = try store.frames(of: session, from: next, through: last, limit: limit, maxBytes: maxBytes)
        let items = frames.map { frame in
            let identity = FrameIdentity(
                stream: stream?.description ?? "", session: session.description, sequence: frame.sequence.value)
            return [message(json(identity)), message(frame.jpeg)]
        }
        return Page(items: items, count: frames.count, next: frames.last?.sequence.next)
    }

    private func timeline(
        of session: SessionID, _ revision: RevisionRecord?, through last: SequenceNumber, _ store: StoreReader
    ) throws -> Page {
        let records = try store.timeline(
            of: session, from: next, through: last, limit: Self.timelinePage, revision: revision)
        guard let first = records.first else { return Page() }
        var timeline = Timeline(first: first.sequence.value)
        for record in records {
            let drop = record.dropReason.map { (record.dropStage?.rawValue ?? "", $0.rawValue) }
            timeline.append(
                captureTimeNs: record.captureTime.nanoseconds, persons: record.persons, drop: drop,
                isKept: record.isKept)
        }
        return Page(
            items: [[message(json(TimelineMessage(timeline: timeline)))]], count: records.count,
            next: records.last?.sequence.next)
    }

    private func message(_ bytes: some ContiguousBytes) -> Message {
        bytes.withUnsafeBytes { Message(copying: $0, countedBy: meter) }
    }
}

/// Which frame the picture behind it is.
private struct FrameIdentity: Encodable {
    let v = ProtocolVersion.written
    let stream, session: String
    let sequence: UInt64
}

private struct TimelineMessage: Encodable {
    let v = ProtocolVersion.written
    let timeline: Timeline
}

extension StoreReader {
    /// What an answer tells of a session.
    fileprivate func summary(of record: SessionRecord) throws -> SessionSummary {
        var summary = SessionSummary(
            stream: record.stream, session: record.session, first: record.first.value, next: record.next.value,
            poses: record.poses, drops: record.drops, beganNs: record.began.nanoseconds,
            endedNs: record.ended?.nanoseconds, frames: record.frames,
            keptFrames: try keptFrameCount(of: record.session),
            revisions: try revisions(of: record.session).map { .init(number: $0.number, madeNs: $0.made.nanoseconds) })
        guard record.next > record.first else { return summary }
        let latest = record.next.advanced(by: -1)
        if let outcome = try outcomes(of: record.session, from: latest, through: latest).first?.outcome() {
            summary.width = outcome.frame.width
            summary.height = outcome.frame.height
            summary.engine = outcome.engine
            summary.skeleton = outcome.skeleton
        }
        return summary
    }
}
