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
        /// Why ingest refused the end of the stream.
        var endRefusal: String?
        /// A problem that did not end the source, such as damaged data in the middle of a video.
        var warning: String?
    }

    let stream: StreamName
    let spec: FrameSourceSpec
    private let state = Mutex(Status())
    private let stop = SourceStop()
    private let isAbandoned = Atomic<Bool>(false)
    private let reader = SourceReader()
    private let reading = Mutex<Task<Void, any Error>?>(nil)

    /// How long a person who stopped waits for the answers to what was sent.
    private static let patience = Duration.seconds(10)

    init(_ spec: FrameSourceSpec, stream: StreamName) {
        self.spec = spec
        self.stream = stream
    }

    /// How far it is.
    var status: Status { state.withLock { $0 } }

    /// Ends the source early, as if it had no more frames.
    func cancel() {
        stop.stop()
        reader.close()
    }

    /// Ends it without waiting for anything.
    func abandon() {
        isAbandoned.store(true, ordering: .relaxed)
        cancel()
    }

    /// Opens the source and reads its first frames while whoever is to take them still starts. Not a live one: its frames
    /// would be old by then.
    func readAhead() {
        if !spec.isLive { _ = read() }
    }

    /// Reads the source on a thread of its own, from now on if it was not read before, to its end.
    private func read() -> Task<Void, any Error> {
        reading.withLock { reading in
            if let reading { return reading }
            let task = Task { [self] in
                try await runOnThread(named: "read-\(stream)") { [self] in reader.read(spec, stop: stop) }
            }
            reading = task
            return task
        }
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
        let reading = read()
        let fed: Result<Void, any Error>
        do {
            try await runOnThread(named: "feed-\(stream)") { [self] in
                try feed(from: reader, to: endpoint, access, outstanding, joints)
            }
            fed = .success(())
        } catch {
            fed = .failure(error)
        }
        // A stopped source ends at its next frame.
        cancel()
        try await reading.value
        try fed.get()
    }

    private func feed(
        from reader: SourceReader, to endpoint: String, _ access: Access, _ outstanding: Int, _ joints: JointsFile?
    ) throws {
        let feeder = try Feeder(
            stream: stream, to: endpoint, in: Context(access: access), delivery: spec.isLive ? .live : .lossless,
            maxOutstanding: outstanding, wakeUp: reader.fileDescriptor)
        var failure: (any Error)?
        reading: while true {
            for item in reader.drain() {
                switch item {
                case .began(let frameCount): state.withLock { $0.expected = frameCount }
                case .frame(let frame):
                    guard !stop.isStopped, try send(frame, by: feeder) else { break reading }
                    if let known = frame.known { try joints?.write(known) }
                    reader.taken()
                case .ended(let warning):
                    if let warning { state.withLock { $0.warning = warning } }
                    break reading
                case .failed(let error):
                    failure = error
                    break reading
                }
            }
            // A source that is silent, as a camera may be, must not keep what is unanswered from being sent again.
            try feeder.idle(for: .milliseconds(100))
            note(feeder)
            if stop.isStopped { break }
        }
        if let failure, status.sent == 0 { throw failure }
        // The end goes out also when the person stopped early or the source failed: the session closes with what was sent.
        var deadline: ContinuousClock.Instant?
        let ended = try feeder.end { [self] in
            note(feeder)
            if stop.isStopped || failure != nil, deadline == nil { deadline = .now + Self.patience }
            return !isAbandoned.load(ordering: .relaxed) && deadline.map { .now < $0 } ?? true
        }
        note(feeder)
        if let failure { throw failure }
        state.withLock { $0.isDone = ended && $0.endRefusal == nil }
    }

    /// Sends a frame.
    ///
    /// - Returns: false where the person stopped before there was room for it.
    private func send(_ frame: SourceFrame, by feeder: Feeder) throws -> Bool {
        let message = frame.jpeg.withUnsafeBytes { Message(copying: $0) }
        let number = try feeder.send(jpeg: message, captureTime: Timestamp(nanoseconds: frame.captureTimeNs)) {
            [self] in
            note(feeder)
            return !stop.isStopped
        }
        note(feeder)
        guard number != nil else { return false }
        state.withLock { $0.sent += 1 }
        return true
    }

    /// Takes note of how far it is.
    private func note(_ feeder: Feeder) {
        state.withLock { state in
            state.accepted = feeder.accepted
            state.refused = feeder.refusedCount
            state.endRefusal = feeder.endRefusal
            state.lastRefusal = feeder.refusals.last.map { "frame \($0.frame): \($0.reason)" }
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
