import Foundation
import Logging
import Messages
import Sink
import Stage
import Synchronization
import Testing
import ZeroMQ

/// How long anything may take before its test fails.
let patience = Duration.seconds(60)

extension SocketOptions {
    /// Closes no connection because time has passed: a machine that stalls for seconds must not fail a test.
    static var patient: SocketOptions {
        var options = SocketOptions()
        options.heartbeatInterval = nil
        options.handshakeInterval = .seconds(60)
        return options
    }
}

/// Something that did not happen in time.
struct Late: Error {
    let what: String
}

/// A sink of its own on free ports, on its own thread.
final class RunningSink {
    let readiness: Readiness
    let context: Context
    private let stop = StopSignal()
    private let ended = DispatchSemaphore(value: 0)
    private let log = LogKeeper()
    private let result = Ending()

    /// How the sink ended; shared with its thread.
    private final class Ending: Sendable {
        let state = Mutex<(counters: SinkCounters?, error: (any Error)?)>((nil, nil))
    }

    /// Where it listens; shared with its thread.
    private final class Place: Sendable {
        let readiness = Mutex<Readiness?>(nil)
    }

    /// Starts it and waits until it is ready.
    init(store: String, _ adjust: (inout SinkConfiguration) -> Void = { _ in }) throws {
        var configuration = SinkConfiguration(
            bindOutcomes: "tcp://127.0.0.1:*", bindResults: "tcp://127.0.0.1:*",
            bindAcknowledgements: "tcp://127.0.0.1:*", bindReplay: "tcp://127.0.0.1:*", store: store)
        configuration.sockets = .patient
        adjust(&configuration)
        context = try Context()
        let started = DispatchSemaphore(value: 0)
        let place = Place()
        let fixed = configuration
        let log = log
        let (stop, ended, result) = (stop, ended, result)
        let thread = Thread {
            do {
                let loop = try SinkLoop(fixed, logger: Logger(label: "test") { _ in log })
                place.readiness.withLock { $0 = loop.readiness }
                started.signal()
                try loop.run(until: stop)
                result.state.withLock { $0.counters = loop.counters }
            } catch {
                result.state.withLock { $0.error = error }
                started.signal()
            }
            ended.signal()
        }
        thread.start()
        started.wait()
        guard let ready = place.readiness.withLock({ $0 }) else {
            readiness = Readiness(stage: "none", endpoints: [])
            throw result.state.withLock { $0.error } ?? Late(what: "the sink did not start")
        }
        readiness = ready
    }

    /// Tells it to stop, as SIGTERM does.
    func requestStop() {
        stop.request()
    }

    /// Waits until it has logged a message that contains `text`.
    func waitForLog(_ text: String) throws {
        let deadline = ContinuousClock.now + patience
        while !log.messages.withLock({ $0.contains { $0.contains(text) } }) {
            guard ContinuousClock.now < deadline else { throw Late(what: "the sink did not log: \(text)") }
            Thread.sleep(forTimeInterval: 0.005)
        }
    }

    /// Stops it as SIGTERM does and waits for its end.
    @discardableResult
    func finish() throws -> SinkCounters {
        stop.request()
        guard ended.wait(timeout: .now() + 60) == .success else {
            throw Late(what: "the sink did not stop")
        }
        return try result.state.withLock { result in
            if let error = result.error { throw error }
            return try #require(result.counters)
        }
    }

    deinit {
        stop.request()
    }

    func connect(_ kind: SocketKind, to name: String, highWaterMark: Int = 10_000) throws -> Socket {
        var options = SocketOptions.patient
        options.sendHighWaterMark = highWaterMark
        options.receiveHighWaterMark = highWaterMark
        options.receiveTimeout = patience
        options.sendTimeout = patience
        if kind == .push { options.linger = patience }
        let socket = try Socket(kind, in: context, options: options)
        try socket.connect(try #require(readiness[name]))
        return socket
    }
}

/// Keeps what is logged, for tests that wait for it.
final class LogKeeper: LogHandler {
    let messages = Mutex<[String]>([])
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .notice }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(
        level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, source: String, file: String,
        function: String, line: UInt
    ) {
        messages.withLock { $0.append("\(message)") }
    }
}

/// A folder that is gone when its owner is.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("posebus-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    var store: String { url.appendingPathComponent("store.sqlite").path }
}

extension Socket {
    /// The next message, within the socket's patience.
    func next(maxParts: Int = 16) throws -> [Message] {
        guard case .parts(let parts)? = try receive(maxParts: maxParts, blocking: true) else {
            throw Late(what: "no message came in time")
        }
        return parts
    }

    /// Sends outcomes as infer does.
    func push(_ outcomes: [Outcome]) throws {
        for outcome in outcomes { try #require(try send([Message(outcome.wireBytes())], blocking: true)) }
    }

    /// Reads acknowledgements until `isEnough`.
    func acknowledgement(until isEnough: (Acknowledgement) -> Bool) throws -> Acknowledgement {
        while true {
            let acknowledgement = try Acknowledgement(wire: try next()[1].bytes)
            if isEnough(acknowledgement) { return acknowledgement }
        }
    }
}

/// The outcomes of one session, as an infer makes them.
struct FakeSession {
    let id = SessionID()
    let stream: StreamName

    init(_ stream: String) throws {
        self.stream = try StreamName(stream)
    }

    func header(_ sequence: UInt64, isEnd: Bool = false) -> FrameHeader {
        FrameHeader(
            stream: stream, session: id, sequence: SequenceNumber(sequence), cameraFrame: CameraFrame(sequence + 100),
            captureTime: .now, acceptedTime: .now, width: 640, height: 480, isEnd: isEnd)
    }

    func pose(_ sequence: UInt64) -> Outcome {
        let point = SIMD3<Float>(Float(sequence), 2, 0.5)
        let person = Person(
            trackID: 1, score: 0.9, bbox: BoundingBox(x: 1, y: 2, width: 30, height: 60),
            keypoints2D: Array(repeating: point, count: 33), keypoints3D: Array(repeating: point, count: 33))
        return Outcome(
            frame: header(sequence), engine: "test", skeleton: "blazepose33", persons: [person],
            timing: Timing(ingest: 1, queue: 2, infer: 3))
    }

    func poses(_ range: Range<UInt64>) -> [Outcome] { range.map(pose) }

    func drop(_ sequence: UInt64) -> Outcome {
        Outcome(frame: header(sequence), drop: Drop(stage: .ingest, reason: .corruptJPEG, detail: "no image"))
    }

    func end(_ frames: UInt64) -> Outcome { Outcome(frame: header(frames, isEnd: true)) }

    var acknowledgementTopic: String { Topic.acknowledgement + id.description }
}
