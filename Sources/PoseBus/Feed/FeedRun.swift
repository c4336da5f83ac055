internal import Client
internal import Foundation
internal import FrameSources
internal import Messages
internal import Synchronization
internal import ZeroMQ

/// Feeds one source to an ingest on a thread of its own, and tells how far it is.
final class FeedRun: Sendable {
    /// How far a source has been fed.
    struct Status: Sendable {
        /// Frames sent, once each.
        var sent = 0
        /// Frames ingest took.
        var accepted = 0
        /// Frames ingest refused; each that had a number is a recorded drop.
        var refused = 0
        /// Why the latest was refused.
        var lastRefusal: String?
        /// How many frames the source has, where that is known before.
        var expected: Int?
        /// Whether everything is sent and answered.
        var isDone = false
        /// A problem that did not end the source, such as damaged data in the middle of a video.
        var warning: String?
    }

    let stream: StreamName
    let spec: FrameSourceSpec
    private let state = Mutex(Status())
    private let stop = SourceStop()
    private let isAbandoned = Atomic<Bool>(false)
    /// How often ingest died: what was unanswered then is not answered any more.
    private let lostIngests = Atomic<Int>(0)

    init(_ spec: FrameSourceSpec, stream: StreamName) {
        self.spec = spec
        self.stream = stream
    }

    /// How far it is.
    var status: Status { state.withLock { $0 } }

    /// Ends the source early, as if it had no more frames.
    func cancel() {
        stop.stop()
    }

    /// Ends it without waiting for anything.
    func abandon() {
        isAbandoned.store(true, ordering: .relaxed)
        stop.stop()
    }

    /// Takes note that ingest died. Frames it had not answered are not waited for; the rest goes to its successor.
    func noteLostIngest() {
        lostIngests.add(1, ordering: .relaxed)
    }

    /// Feeds the source to its end.
    ///
    /// - Parameters:
    ///   - endpoint: ingest's ROUTER.
    ///   - access: with which keys.
    ///   - joints: receives the known joints of rendered frames.
    func run(
        to endpoint: String, access: Access = .thisMachine, outstanding: Int = 16, joints: JointsFile? = nil
    ) async throws {
        // Runs until its own end: a stopped source ends at its next frame.
        try await runOnThread(named: "feed-\(stream)") { [self] in
            let source = try spec.open(stop: stop)
            state.withLock { $0.expected = source.frameCount }
            var link = try Link(self, to: endpoint, access: access, outstanding)
            while !stop.isStopped, let frame = try source.next() {
                let message = frame.jpeg.withUnsafeBytes { Message(copying: $0) }
                guard try link.send(message, at: Timestamp(nanoseconds: frame.captureTimeNs)) else { break }
                if let known = frame.known { try joints?.write(known) }
                link.note(source.warning)
            }
            // The end goes out also when the person stopped early: the session closes with what was sent.
            let ended = try link.end()
            link.note(source.warning)
            if ended { state.withLock { $0.isDone = true } }
        }
    }

    /// The way to an ingest, and to its successor should it die.
    private struct Link {
        private let run: FeedRun
        private let endpoint: String
        private let outstanding: Int
        private let context: Context
        private var feeder: Feeder
        private var lostIngests: Int
        /// What earlier feeders of this run sent and heard.
        private var accepted = 0
        private var refused = 0

        /// How long a person who stopped waits for the answers to what was sent.
        private static let patience = Duration.seconds(10)

        init(_ run: FeedRun, to endpoint: String, access: Access, _ outstanding: Int) throws {
            self.run = run
            self.endpoint = endpoint
            self.outstanding = outstanding
            context = try Context(access: access)
            lostIngests = run.lostIngests.load(ordering: .relaxed)
            feeder = try Self.feeder(run, endpoint, outstanding, context)
        }

        private static func feeder(
            _ run: FeedRun, _ endpoint: String, _ outstanding: Int, _ context: Context
        ) throws -> Feeder {
            try Feeder(
                stream: run.stream, to: endpoint, in: context, delivery: run.spec.isLive ? .live : .lossless,
                maxOutstanding: outstanding)
        }

        /// Sends one frame, waiting while too many are unanswered.
        ///
        /// - Returns: false where the person stopped meanwhile.
        mutating func send(_ jpeg: Message, at time: Timestamp) throws -> Bool {
            while true {
                try followIngest()
                let sent = try feeder.send(jpeg: jpeg, captureTime: time) { [self] in
                    note(nil)
                    return !run.stop.isStopped && !hasLostIngest
                }
                if sent != nil {
                    run.state.withLock { $0.sent += 1 }
                    return true
                }
                if run.stop.isStopped { return false }
            }
        }

        /// Ends the stream and waits for all answers.
        ///
        /// - Returns: whether they came.
        mutating func end() throws -> Bool {
            var deadline: ContinuousClock.Instant?
            while !run.isAbandoned.load(ordering: .relaxed) {
                try followIngest()
                let ended = try feeder.end { [self] in
                    note(nil)
                    if run.stop.isStopped, deadline == nil { deadline = .now + Self.patience }
                    return !run.isAbandoned.load(ordering: .relaxed) && !hasLostIngest
                        && deadline.map { .now < $0 } ?? true
                }
                if ended || !hasLostIngest { return ended }
            }
            return false
        }

        private var hasLostIngest: Bool { run.lostIngests.load(ordering: .relaxed) != lostIngests }

        /// Begins anew with the successor of an ingest that died: what is unanswered stays so.
        private mutating func followIngest() throws {
            let lost = run.lostIngests.load(ordering: .relaxed)
            guard lost != lostIngests else { return }
            lostIngests = lost
            accepted += feeder.accepted
            refused += feeder.refusedCount
            feeder = try Self.feeder(run, endpoint, outstanding, context)
        }

        /// Takes note of how far it is.
        func note(_ warning: String?) {
            run.state.withLock { state in
                state.accepted = accepted + feeder.accepted
                state.refused = refused + feeder.refusedCount
                if let refusal = feeder.refusals.last {
                    state.lastRefusal = "frame \(refusal.frame): \(refusal.reason)"
                }
                if let warning { state.warning = warning }
            }
        }
    }
}

/// The known joints of rendered frames, one JSON object a line.
final class JointsFile: Sendable {
    private let output: Mutex<FileHandle>

    /// Makes the file.
    ///
    /// - Parameter specs: what is fed: somebody in it must be known.
    init(path: String, for specs: [FrameSourceSpec]) throws {
        guard specs.contains(where: { if case .test = $0.kind { true } else { false } }) else {
            throw FrameSourceError("--joints: only the joints of test: are known, and it is not among the sources")
        }
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw FrameSourceError("\(path) cannot be written") }
        output = Mutex(handle)
    }

    func write(_ frame: KnownFrame) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let line = try encoder.encode(frame) + Data("\n".utf8)
        try output.withLock { try $0.write(contentsOf: line) }
    }
}

/// Stream names made from what is fed.
enum StreamNaming {
    /// A name for a source: its file name without extension, or the device's, in characters every stream name may have.
    static func name(for text: String) -> String {
        if text == "-" { return "stdin" }
        if text.hasPrefix("test") { return "test" }
        var name = (text as NSString).lastPathComponent
        if !text.contains("://"), !(name as NSString).deletingPathExtension.isEmpty {
            name = (name as NSString).deletingPathExtension
        }
        let allowed = name.unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control || scalar == "/" || scalar == "*" || scalar == "?"
                ? "_" : String(scalar)
        }
        let joined = String(allowed.joined().prefix(100))
        return joined.isEmpty || joined.utf8.count > StreamName.maxLength ? "stream" : joined
    }

    /// One name for each source; repeated names get a number.
    static func names(for sources: [String]) throws -> [StreamName] {
        var seen: [String: Int] = [:]
        return try sources.map { source in
            let name = name(for: source)
            seen[name, default: 0] += 1
            let count = seen[name] ?? 1
            return try StreamName(count == 1 ? name : "\(name)-\(count)")
        }
    }
}
