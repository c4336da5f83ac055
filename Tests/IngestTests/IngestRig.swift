import Delivery
import Foundation
import Ingest
import JPEG
import Logging
import Messages
import Stage
import Synchronization
import Testing
import ZeroMQ

/// Ingest with a fake infer and a fake sink around it, all in this process, over real sockets on free ports.
///
/// Everything but ingest lives on the test's own thread, which moves it on with `wait`.
final class IngestRig {
    /// What infer received.
    struct Arrived {
        let header: FrameHeader
        let payload: Message?
        /// The endpoint of the infer that received it.
        let infer: String
    }

    let context: Context
    /// Where ingest listens.
    fileprivate(set) var endpoints = Readiness(stage: "", endpoints: [])
    /// The infers that are there, by their endpoints.
    private var infers: [String: Socket] = [:]
    private var acknowledgements: Socket?
    /// The first infer's.
    let inferEndpoint: String
    let acknowledgementEndpoint: String
    /// Everything infer received, in order of arrival.
    var arrived: [Arrived] = []
    /// Whether the fake sink stores and acknowledges what it sees.
    var acknowledges = true
    private var stored: [SessionID: OrderBuffer<Arrived>] = [:]
    /// Sessions whose end is stored, with their numbers of frames.
    var ended: [SessionID: UInt64] = [:]

    fileprivate init() throws {
        context = try Context()
        let infer = try bound(.pull, "tcp://127.0.0.1:*", in: context)
        let acknowledgements = try bound(.extendedPublish, "tcp://127.0.0.1:*", in: context)
        inferEndpoint = infer.boundEndpoints.last ?? ""
        acknowledgementEndpoint = acknowledgements.boundEndpoints.last ?? ""
        infers[inferEndpoint] = infer
        self.acknowledgements = acknowledgements
    }

    // MARK: - Feeding

    func feeder(_ kind: SocketKind, to name: String? = nil) throws -> Socket {
        var options = SocketOptions.patient
        options.receiveTimeout = .seconds(60)
        options.linger = .seconds(60)
        let socket = try Socket(kind, in: context, options: options)
        try socket.connect(try #require(endpoints[name ?? (kind == .push ? "push" : "request")]))
        return socket
    }

    /// Sends and waits for the answer, while infer and sink go on.
    func ask(_ feeder: Socket, _ header: String, _ image: Message? = nil) throws -> String {
        try #require(try feeder.send([Message(header)] + (image.map { [$0] } ?? []), blocking: true))
        return try answer(feeder)
    }

    /// The next answer to a feeder.
    func answer(_ feeder: Socket) throws -> String {
        var answer: String?
        try wait(for: "an answer") {
            guard case .parts(let parts)? = try feeder.receive() else { return false }
            answer = parts.last?.text
            return true
        }
        return try #require(answer)
    }

    // MARK: - Downstream

    /// Moves infer and sink on until `condition` holds.
    func wait(for what: String, _ condition: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + patience
        while try !condition() {
            guard ContinuousClock.now < deadline else { throw Late(what: what) }
            try step()
        }
    }

    /// Moves infer and sink on for a while in which nothing in particular is expected.
    func pass(_ time: Duration) throws {
        let end = ContinuousClock.now + time
        while ContinuousClock.now < end { try step() }
    }

    private func step() throws {
        for (endpoint, socket) in infers {
            while case .parts(let parts)? = try socket.receive() {
                let header = try frameHeader(parts[0])
                arrived.append(Arrived(header: header, payload: parts.count > 1 ? parts[1] : nil, infer: endpoint))
                if acknowledges { try store(arrived[arrived.count - 1]) }
            }
        }
        while let socket = acknowledgements, case .parts(let parts)? = try socket.receive() {
            // As the real sink: whoever subscribes is told at once.
            guard let text = parts[0].text, text.first == "\u{1}" else { continue }
            guard let session = SessionID(text.dropFirst(1 + Topic.acknowledgement.count)) else { continue }
            try acknowledge(session)
        }
        usleep(500)
    }

    /// Stores all that arrived, in the order of its arrival, and acknowledges it.
    func storeEverything() throws {
        acknowledges = true
        for one in arrived { try store(one) }
    }

    private func store(_ one: Arrived) throws {
        var buffer = stored[one.header.session] ?? OrderBuffer(next: one.header.oldestUnacknowledged)
        if one.header.isEnd {
            _ = buffer.acceptEnd(frameCount: one.header.sequence)
        } else if buffer.accept(one.header.sequence, one) == .inOrder {
            while buffer.takeNext() != nil {}
        }
        if buffer.takeEnd() { ended[one.header.session] = buffer.next.value }
        stored[one.header.session] = buffer
        try acknowledge(one.header.session)
    }

    private func acknowledge(_ session: SessionID) throws {
        let buffer = stored[session]
        let next = buffer?.next ?? .first
        let acknowledgement = Acknowledgement(
            session: session, next: next, ended: buffer?.isEnded ?? false,
            sessionState: Self.state(before: next))
        _ = try acknowledgements?.send([
            Message(Topic.acknowledgement + session.description), Message(acknowledgement.wireBytes()),
        ])
    }

    /// What infer remembers of a session before a frame, as the fake sink hands it back.
    static func state(before sequence: SequenceNumber) -> [UInt8] {
        sequence == .first ? [] : Array("before \(sequence)".utf8)
    }

    /// What infer received of one stream: its sequences.
    func sequences(of stream: String) -> [UInt64] {
        arrived.filter { $0.header.stream.description == stream && !$0.header.isEnd }.map(\.header.sequence.value)
    }

    func stopInfer() { infers[inferEndpoint] = nil }

    func startInfer() throws { try startInfer(at: inferEndpoint) }

    func stopInfer(at endpoint: String) { infers[endpoint] = nil }

    /// Starts one more infer.
    ///
    /// - Returns: its endpoint, where a `*` is a port.
    @discardableResult
    func startInfer(at endpoint: String) throws -> String {
        let socket = try bound(.pull, endpoint, in: context)
        let endpoint = socket.boundEndpoints.last ?? ""
        infers[endpoint] = socket
        return endpoint
    }

    func stopSink() { acknowledgements = nil }

    func startSink() throws {
        acknowledgements = try bound(.extendedPublish, acknowledgementEndpoint, in: context)
    }
}

/// How long anything may take before its test fails: long, because it only ends a hang.
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

/// Something did not happen in time.
struct Late: Error, CustomStringConvertible {
    let what: String
    var description: String { "waited \(patience) for \(what)" }
}

/// Binds, and waits for an address that a closed socket has not left yet.
private func bound(_ kind: SocketKind, _ endpoint: String, in context: Context) throws -> Socket {
    let deadline = ContinuousClock.now + patience
    while true {
        var options = SocketOptions.patient
        // A full publisher drops what it publishes, and only a resend after a timeout would make up for that.
        if kind == .extendedPublish { options.sendHighWaterMark = 10_000 }
        let socket = try Socket(kind, in: context, options: options)
        do {
            try socket.bind(endpoint)
            return socket
        } catch {
            guard error.code == .addressInUse, ContinuousClock.now < deadline else { throw error }
            usleep(5000)
        }
    }
}

/// Runs `body` on a thread of its own with a running ingest around it, then stops ingest.
///
/// - Returns: what ingest counted.
@discardableResult
func withIngest(
    _ configure: @escaping @Sendable (inout IngestConfiguration) -> Void = { _ in },
    stop: StopSignal = StopSignal(),
    _ body: @escaping @Sendable (IngestRig) throws -> Void
) async throws -> Counters {
    let counters = Mutex(Counters())
    try await runOnThread(named: "test") {
        let rig = try IngestRig()
        var configuration = IngestConfiguration()
        configuration.pushEndpoint = "tcp://127.0.0.1:*"
        configuration.requestEndpoint = "tcp://127.0.0.1:*"
        configuration.previewEndpoint = "tcp://127.0.0.1:*"
        configuration.infers = [rig.inferEndpoint]
        configuration.acknowledgements = [rig.acknowledgementEndpoint]
        configuration.drain = patience
        configuration.sockets = .patient
        configuration.retry = RetryTimer.Policy(initial: patience, minimum: patience, maximum: patience)
        configure(&configuration)

        let readiness = Outcome<Readiness>()
        let end = Outcome<Counters>()
        let thread = Thread { [configuration] in
            do {
                var logger = Logger(label: "ingest.test")
                logger.logLevel = .critical
                end.set(
                    .success(try runIngest(configuration, logger: logger, until: stop) { readiness.set(.success($0)) }))
            } catch {
                readiness.set(.failure(error))
                end.set(.failure(error))
            }
        }
        thread.start()
        rig.endpoints = try readiness.wait()
        do {
            try body(rig)
        } catch {
            stop.request()
            throw error
        }
        stop.request()
        try rig.wait(for: "the end of ingest") { end.isSet }
        let counted = try end.wait()
        counters.withLock { $0 = counted }
    }
    return counters.withLock { $0 }
}

/// A result that one thread waits for and another one sets.
final class Outcome<Value: Sendable>: Sendable {
    private let value = Mutex<Result<Value, any Error>?>(nil)

    var isSet: Bool { value.withLock { $0 != nil } }

    func set(_ result: Result<Value, any Error>) {
        value.withLock { $0 = $0 ?? result }
    }

    func wait() throws -> Value {
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            if let result = value.withLock({ $0 }) { return try result.get() }
            usleep(1000)
        }
        throw Late(what: "ingest")
    }
}

/// A small JPEG.
func jpeg(width: Int = 32, height: Int = 16) throws -> Message {
    let pixels = [UInt8](repeating: 128, count: 3 * width * height)
    return Message(try pixels.withUnsafeBytes { try JPEGEncoder().encode($0, width: width, height: height) })
}

/// A message's bytes live as long as the message, and the optimiser ends that with its last use.
func frameHeader(_ message: Message) throws -> FrameHeader {
    try withExtendedLifetime(message) { try FrameHeader(wire: message.bytes) }
}

func bytes(_ message: Message) -> [UInt8] {
    withExtendedLifetime(message) { Array(message.bytes) }
}
