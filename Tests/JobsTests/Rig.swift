import Foundation
import Ingest
import JPEG
import Logging
import Messages
import Sink
import Stage
import Synchronization
import Testing
import ZeroMQ

/// How long anything may take before its test fails: long, because it only ends a hang.
let patience = Duration.seconds(120)

/// A folder that goes away with the test.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "jobs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    @discardableResult
    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        try Data(bytes).write(to: url.appending(path: name))
        return path(name)
    }
}

/// A thread that is told to stop and waited for.
final class Service: Sendable {
    private let stop = StopSignal()
    private let ended = DispatchSemaphore(value: 0)
    private let failure = Mutex<(any Error)?>(nil)

    init(_ name: String, _ body: @escaping @Sendable (StopSignal) throws -> Void) {
        let thread = Thread { [self] in
            do { try body(stop) } catch { failure.withLock { $0 = error } }
            ended.signal()
        }
        thread.name = name
        thread.start()
    }

    func end() throws {
        stop.request()
        guard ended.wait(timeout: .now() + 60) == .success else { throw Late(what: "a service did not stop") }
        ended.signal()
        if let error = failure.withLock({ $0 }) { throw error }
    }
}

struct Late: Error {
    let what: String
}

/// Waits until something is so, without blocking the threads that others run on.
func until(_ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + patience
    while try await !condition() {
        guard .now < deadline else { throw Late(what: what) }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Ingest, sink and an infer that finds one person in every frame, in this process.
final class Bus: Sendable {
    struct Endpoints: Sendable {
        var ingest = "tcp://127.0.0.1:*"
        var results = ""
        var replay = ""
        var outcomes = ""
        var acks = ""
        var frames = ""
    }

    let at: Mutex<Endpoints>
    private let services = Mutex<[String: Service]>([:])
    private let folder: TemporaryFolder
    private let context: Context

    init(in folder: TemporaryFolder) async throws {
        self.folder = folder
        at = Mutex(Endpoints())
        context = try Context()
        try await startSink()
        try await startInfer()
        try await startIngest()
    }

    var endpoints: Endpoints { at.withLock { $0 } }

    func startSink() async throws {
        var configuration = SinkConfiguration(
            bindOutcomes: "tcp://127.0.0.1:*", bindResults: "tcp://127.0.0.1:*",
            bindAcknowledgements: "tcp://127.0.0.1:*", bindReplay: "tcp://127.0.0.1:*",
            store: folder.path("poses.sqlite"))
        configuration.sockets.handshakeInterval = .seconds(60)
        configuration.closeAfter = .seconds(1)
        let fixed = configuration
        start("sink") { [self] stop in
            let loop = try SinkLoop(fixed, logger: .quiet)
            at.withLock { at in
                at.results = loop.readiness["results"] ?? ""
                at.replay = loop.readiness["replay"] ?? ""
                at.outcomes = loop.readiness["outcomes"] ?? ""
                at.acks = loop.readiness["acks"] ?? ""
            }
            try loop.run(until: stop)
        }
        try await until("the sink's start") { !endpoints.acks.isEmpty }
    }

    func startInfer() async throws {
        start("infer") { [self] stop in
            var options = SocketOptions()
            options.receiveHighWaterMark = 1000
            options.sendHighWaterMark = 1000
            let frames = try Socket(.pull, in: context, options: options)
            let bound = try frames.bind(endpoints.frames.isEmpty ? "tcp://127.0.0.1:*" : endpoints.frames)
            let outcomes = try Socket(.push, in: context, options: options)
            try outcomes.connect(endpoints.outcomes)
            at.withLock { $0.frames = bound }
            let poller = Poller()
            _ = poller.watch(frames)
            _ = poller.watch(fileDescriptor: stop.fileDescriptor)
            while !stop.isRequested {
                while case .parts(let parts)? = try frames.receive() {
                    let header = try FrameHeader(wire: parts[0].bytes)
                    _ = try outcomes.send([Message(Self.outcome(of: header).wireBytes())], blocking: true)
                }
                try poller.wait(timeout: .milliseconds(100))
            }
        }
        try await until("the start of infer") { !endpoints.frames.isEmpty }
    }

    func startIngest() async throws {
        var configuration = IngestConfiguration()
        let at = endpoints
        configuration.pushEndpoint = "tcp://127.0.0.1:*"
        configuration.requestEndpoint = at.ingest
        configuration.previewEndpoint = "tcp://127.0.0.1:*"
        configuration.infers = [at.frames]
        configuration.acknowledgements = [at.acks]
        configuration.drain = .zero
        let fixed = configuration
        let ready = Flag()
        start("ingest") { [self] stop in
            _ = try runIngest(fixed, logger: .quiet, until: stop) { readiness in
                self.at.withLock { $0.ingest = readiness["request"] ?? "" }
                ready.set()
            }
        }
        try await until("the start of ingest") { ready.isSet }
    }

    func stop(_ name: String) throws {
        try services.withLock { $0.removeValue(forKey: name) }?.end()
    }

    func end() throws {
        for name in ["ingest", "infer", "sink"] { try stop(name) }
    }

    private func start(_ name: String, _ body: @escaping @Sendable (StopSignal) throws -> Void) {
        services.withLock { $0[name] = Service(name, body) }
    }

    private static func outcome(of header: FrameHeader) -> Outcome {
        guard !header.isEnd, header.drop == nil else { return Outcome(frame: header, drop: header.drop) }
        let point = SIMD3<Float>(Float(header.sequence.value), 2, 0.5)
        let person = Person(
            trackID: 1, score: 0.9, bbox: BoundingBox(x: 1, y: 2, width: 30, height: 60),
            keypoints2D: Array(repeating: point, count: 33), keypoints3D: Array(repeating: point, count: 33))
        return Outcome(frame: header, engine: "test", skeleton: "blazepose33", persons: [person])
    }
}

/// Something that happens once.
final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    func set() { value.store(true, ordering: .releasing) }
    var isSet: Bool { value.load(ordering: .acquiring) }
}

extension Logger {
    /// Says nothing.
    static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
