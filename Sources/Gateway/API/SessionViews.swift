internal import Messages

/// The sessions, as the API tells of them.
struct SessionList: Encodable {
    let sessions: [SessionView]
}

/// A session, as the API tells of it: what is not known is null.
struct SessionView: Encodable {
    let summary: SessionSummary

    init(_ summary: SessionSummary) {
        self.summary = summary
    }

    private enum Key: String, CodingKey {
        case v, stream, session, first, next, poses, drops, frames, width, height, engine, skeleton, revisions
        case began = "began_ns"
        case ended = "ended_ns"
        case kept = "kept_frames"
    }

    func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: Key.self)
        try keys.encode(summary.v, forKey: .v)
        try keys.encode(summary.stream, forKey: .stream)
        try keys.encode(summary.session, forKey: .session)
        try keys.encode(summary.first, forKey: .first)
        try keys.encode(summary.next, forKey: .next)
        try keys.encode(summary.poses, forKey: .poses)
        try keys.encode(summary.drops, forKey: .drops)
        try keys.encode(summary.beganNs, forKey: .began)
        try keys.encode(summary.endedNs, forKey: .ended)
        try keys.encode(summary.frames, forKey: .frames)
        try keys.encode(summary.keptFrames, forKey: .kept)
        try keys.encode(summary.width, forKey: .width)
        try keys.encode(summary.height, forKey: .height)
        try keys.encode(summary.engine, forKey: .engine)
        try keys.encode(summary.skeleton, forKey: .skeleton)
        try keys.encode(summary.revisions, forKey: .revisions)
    }
}

/// A timeline, as the API tells of it.
struct TimelineView: Encodable {
    let timeline: Timeline

    init(_ timeline: Timeline) {
        self.timeline = timeline
    }

    private enum Key: String, CodingKey {
        case first, next, persons, drops, kept
        case captureTimes = "capture_time_ns"
    }

    func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: Key.self)
        try keys.encode(timeline.first, forKey: .first)
        try keys.encode(timeline.next, forKey: .next)
        try keys.encode(timeline.captureTimeNs, forKey: .captureTimes)
        try keys.encode(timeline.persons, forKey: .persons)
        try keys.encode(timeline.drops, forKey: .drops)
        try keys.encode(timeline.kept, forKey: .kept)
    }
}
