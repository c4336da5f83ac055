internal import Foundation
internal import Messages
internal import Store

/// What a run has put into the store: the sessions that are in it at the end and were not at the beginning.
struct RunAccount: Sendable {
    private let store: String
    private let sessionsBefore: Int

    /// Notes what the store holds before the run.
    init(store: String) {
        self.store = store
        // No store, or none that can be read: the sink makes it, or says what is wrong with it.
        sessionsBefore = (try? StoreReader(path: store).totals().sessions).map { Int($0) } ?? 0
    }

    /// One stream's part of a run.
    struct Stream {
        let name: StreamName
        /// How far it was fed; nil where another program fed it.
        let fed: FeedRun.Status?
        var sessions: [SessionRecord] = []
        var withPersons: UInt64 = 0
        var reasons: [DropReason: UInt64] = [:]

        var poses: UInt64 { sessions.reduce(0) { $0 + $1.poses } }
        var drops: UInt64 { sessions.reduce(0) { $0 + $1.drops } }
        var outcomes: UInt64 { poses + drops }
        /// Frames that went in, as far as that is known.
        private var frames: UInt64? {
            if let fed { return UInt64(fed.sent) }
            let numbered = sessions.compactMap(\.frames)
            return numbered.count == sessions.count ? numbered.reduce(0, +) : nil
        }

        /// The stream's line of the summary.
        var line: String {
            let causes = reasons.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
            return "\(name): \(frames.map { "\($0)" } ?? "?") frames in, \(outcomes) outcomes out: "
                + "\(poses) poses (\(withPersons) with persons), \(drops) drops"
                + (causes.isEmpty ? "" : " (\(causes.joined(separator: ", ")))")
        }

        /// Where the promise was not kept: one sentence each.
        func problems(ingestDied: Bool) -> [String] {
            var problems: [String] = []
            for session in sessions where session.frames != session.poses + session.drops {
                let stored = session.poses + session.drops
                problems.append(
                    session.frames.map { "\(name): session \(session.session) has \(stored) outcomes for \($0) frames" }
                        ?? "\(name): session \(session.session) was cut off with \(stored) outcomes stored"
                        + (fed == nil ? "; how many frames ingest held besides is not known" : ""))
            }
            guard let fed, UInt64(fed.sent) != outcomes else { return problems }
            let confirmed = fed.accepted + fed.refused
            problems.append(
                "\(name): of \(fed.sent) frames sent, \(outcomes) have an outcome. Ingest had confirmed \(confirmed)"
                    + (fed.sent > confirmed ? " and left \(fed.sent - confirmed) unanswered" : "")
                    + (ingestDied ? "; what it held in memory died with it" : ""))
            return problems
        }
    }

    /// Every stream of the run: those that were fed here in their order, then others.
    ///
    /// - Throws: `StoreError` where the store cannot be read.
    func streams(fed: [(name: StreamName, status: FeedRun.Status)]) throws(StoreError) -> [Stream] {
        var streams = fed.map { Stream(name: $0.name, fed: $0.status) }
        let reader = try StoreReader(path: store)
        for session in try reader.sessions().dropFirst(sessionsBefore) {
            let index = streams.firstIndex { $0.name == session.stream } ?? streams.count
            if index == streams.count { streams.append(Stream(name: session.stream, fed: nil)) }
            let counts = try reader.counts(of: session.session)
            streams[index].sessions.append(session)
            streams[index].withPersons += counts.withPersons
            streams[index].reasons.merge(counts.drops, uniquingKeysWith: +)
        }
        return streams
    }
}
