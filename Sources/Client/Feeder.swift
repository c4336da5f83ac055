internal import Delivery
internal import Foundation
public import Messages
internal import Security
public import ZeroMQ

/// Sends the frames of one stream to an ingest, and keeps each until ingest has answered for it.
///
/// Several frames may be unanswered at once, so that a long way to ingest costs no throughput; when the limit is reached
/// `send` waits. A lossless stream is slowed down that way; a live one is always answered at once.
///
/// When the connection is lost, or ingest is restarted, what is unanswered is sent again in order. Ingest recognises by
/// the feeder's name and the frame's number what it has already, so nothing is lost or doubled as long as ingest
/// remembers: for its life, and with a spool (`posebus-ingest --spool`) beyond it.
///
/// Use it on one thread: it owns a socket. It works while one of its functions runs, so call `idle` while there is no
/// frame to send: what is unanswered would otherwise be sent again only with the next frame.
public final class Feeder {
    /// What became of a frame that ingest did not take.
    public struct Refusal: Sendable, Equatable {
        /// The feeder's own counter of the frame.
        public let frame: CameraFrame
        /// Ingest's reason, such as `corrupt_jpeg`.
        public let reason: String

        package init(frame: CameraFrame, reason: String) {
            self.frame = frame
            self.reason = reason
        }
    }

    /// The stream.
    public let stream: StreamName
    /// Frames that ingest took, so far.
    public private(set) var accepted = 0
    /// Frames that ingest did not take, so far: their number, and the latest of them.
    public private(set) var refusedCount = 0
    /// The latest refusals, at most 100.
    public private(set) var refusals: [Refusal] = []
    /// Why ingest refused the stream's end, if it did.
    public private(set) var endRefusal: String?
    /// Frames that were sent again after a lost connection, so far.
    public private(set) var resent = 0

    private struct Frame {
        let jpeg: Message
        let captureTime: Timestamp?
        let isStill: Bool
        let trace: TraceContext?
    }

    private enum End {
        case open, wanted, sent, answered
    }

    private let connector: Connector
    private let poller = Poller()
    private let token: Poller.Token
    private let wakeUp: Poller.Token?
    private let delivery: Delivery?
    private let maxOutstanding: Int
    /// New at every start: another feeder counts from 0 again.
    private let name = SessionID().description
    private var queue = FeederQueue<Frame>()
    private var end = End.open
    private var wasConnected = false
    /// Ingest asked for patience.
    private var pauseEnd: ContinuousClock.Instant?

    /// How long a frame waits that ingest could not take for now.
    private static let pause = Duration.milliseconds(100)

    /// Connects to an ingest.
    ///
    /// - Parameters:
    ///   - endpoint: ingest's ROUTER, by default port 5551.
    ///   - delivery: what a full window does with this stream; nil leaves it to ingest.
    ///   - maxOutstanding: how many frames may be unanswered.
    ///   - wakeUp: a file descriptor that ends `idle` while it is readable, such as a `Mailbox`'s.
    ///   - options: what the socket's options begin with.
    public init(
        stream: StreamName, to endpoint: String, in context: Context, delivery: Delivery? = nil,
        maxOutstanding: Int = 16, wakeUp: Int32? = nil, options: SocketOptions = SocketOptions()
    ) throws(ZeroMQError) {
        self.stream = stream
        self.delivery = delivery
        self.maxOutstanding = maxOutstanding
        var options = options
        // Room for all of them once more, after a reconnect.
        options.sendHighWaterMark = 2 * maxOutstanding + 2
        options.receiveHighWaterMark = 0  // of answers; never full: see `SocketOptions.heartbeatInterval`
        options.server = .ingest
        connector = try Connector(.dealer, to: endpoint, in: context, options: options)
        token = connector.watch(with: poller)
        self.wakeUp = wakeUp.map { [poller] in poller.watch(fileDescriptor: $0) }
        setWakeUp(false)
    }

    /// Whether ingest is there, as far as is known.
    package var isConnected: Bool { connector.isUp }

    /// Frames that wait for an answer.
    public var outstandingCount: Int { queue.count }

    /// Sends one frame, waiting first while too many are unanswered.
    ///
    /// - Parameters:
    ///   - jpeg: the image.
    ///   - captureTime: when it was taken; nil lets ingest's clock say.
    ///   - isStill: the picture stands for itself: nobody is followed into it or out of it.
    ///   - trace: where the frame belongs in a trace of the caller's; nil lets ingest begin one.
    ///   - whileWaiting: called about ten times a second while it waits; false gives up.
    /// - Returns: the frame's number, or nil where `whileWaiting` gave up and nothing was sent.
    @discardableResult
    public func send(
        jpeg: Message, captureTime: Timestamp? = nil, isStill: Bool = false, trace: TraceContext? = nil,
        whileWaiting: () -> Bool = { true }
    ) throws -> CameraFrame? {
        try turn()
        guard try wait(until: { $0.queue.count < $0.maxOutstanding }, whileWaiting) else { return nil }
        let number = queue.append(Frame(jpeg: jpeg, captureTime: captureTime, isStill: isStill, trace: trace))
        try pump()
        return CameraFrame(number)
    }

    /// Ends the stream and waits until every frame, and the end, is answered; `endRefusal` tells whether that was a no.
    ///
    /// - Returns: false where `whileWaiting` gave up before.
    public func end(whileWaiting: () -> Bool = { true }) throws -> Bool {
        guard try wait(until: { $0.queue.count == 0 }, whileWaiting) else { return false }
        if end == .open { end = .wanted }
        return try wait(until: { $0.end == .answered }, whileWaiting)
    }

    /// Goes on with what is under way while there is no frame to send: takes answers, and sends again what a lost
    /// connection may have lost.
    ///
    /// - Parameter timeout: how long, at most. It returns early when something happened.
    public func idle(for timeout: Duration) throws {
        try turn()
        setWakeUp(true)
        defer { setWakeUp(false) }
        try poller.wait(timeout: timeout)
        try turn()
    }

    /// Only an idle feeder waits for it: a readable one would end every other wait at once.
    private func setWakeUp(_ isOn: Bool) {
        if let wakeUp { poller.setInterest(wakeUp, receiving: isOn) }
    }

    private func wait(until done: (Feeder) -> Bool, _ whileWaiting: () -> Bool) throws -> Bool {
        while !done(self) {
            try turn()
            if done(self) { break }
            if try poller.wait(timeout: .milliseconds(100)) == 0, !whileWaiting() { return false }
        }
        return true
    }

    /// Takes note of everything that has come, and sends what may be sent.
    private func turn() throws {
        try takeEvents()
        try takeAnswers()
        try pump()
    }

    // MARK: - Sending

    private func pump() throws {
        if let pauseEnd {
            guard .now >= pauseEnd else { return }
            self.pauseEnd = nil
        }
        poller.setInterest(token, receiving: true)
        // What a socket without a connection holds would reach ingest behind what is sent again.
        while connector.isUp, let next = queue.upcoming {
            let number = CameraFrame(next.number)
            let header = FeederHeader(
                stream: stream, captureTime: next.frame.captureTime, cameraFrame: number, delivery: delivery,
                feeder: name, oldestFrame: CameraFrame(next.oldest), isStill: next.frame.isStill,
                trace: next.frame.trace)
            guard try transmit([Message(header.jsonBytes()), next.frame.jpeg]) else { return }
            queue.sent()
        }
        if connector.isUp, end == .wanted, queue.count == 0 {
            let header = FeederHeader(stream: stream, feeder: name, isEnd: true)
            if try transmit([Message(header.jsonBytes())]) { end = .sent }
        }
    }

    private func transmit(_ parts: [Message]) throws -> Bool {
        if try connector.socket.send(parts) { return true }
        poller.setInterest(token, receiving: true, sending: true)
        return false
    }

    private func takeEvents() throws {
        for change in try connector.changes() {
            switch change {
            case .up:
                if wasConnected {
                    resent += queue.restart()
                    if end == .sent { end = .wanted }
                }
                wasConnected = true
            case .lost: break
            case .keyRefused:
                throw ZeroMQError(code: .keyRefused, operation: "connect to", subject: connector.endpoint)
            }
        }
    }

    // MARK: - Answers

    private func takeAnswers() throws {
        while case .parts(let parts)? = try connector.socket.receive() {
            switch parts.last?.text.flatMap(FeederAnswer.init) {
            case .accepted(let frame?)?: accepted += queue.accepted(frame.value)
            case .accepted(nil)?: if end == .sent { end = .answered }
            case .refused(let reason, let frame)?: refused(reason, frame)
            case nil: break
            }
        }
    }

    private func refused(_ reason: String, _ frame: CameraFrame?) {
        let word = reason.prefix { $0 != ":" }
        if ["stopping", "too_many_outstanding", "out_of_order"].contains(word) {
            if let frame {
                queue.sendAgain(from: frame.value)
            } else if end == .sent {
                end = .wanted
            }
            pauseEnd = .now + Self.pause
            return
        }
        // Every frame is answered, so this is about the end: such as by a key that may not feed this stream.
        if frame == nil, end == .sent {
            endRefusal = reason
            end = .answered
            return
        }
        // Without a number it is about the oldest: answers come in the order of frames.
        let number = frame?.value ?? queue.oldest
        guard queue.refused(number) else { return }
        refusedCount += 1
        refusals.append(Refusal(frame: CameraFrame(number), reason: reason))
        if refusals.count > 100 { refusals.removeFirst() }
    }
}
