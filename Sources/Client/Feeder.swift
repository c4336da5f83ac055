internal import Foundation
public import Messages
internal import Security
public import ZeroMQ

/// Sends the frames of one stream to an ingest and keeps account of every answer.
///
/// Several frames may be unanswered at once, so that a long way to ingest costs no throughput; when the limit is reached
/// `send` waits. A lossless stream is slowed down that way; a live one is always answered at once.
///
/// Use it on one thread: it owns a socket.
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
    /// Frames whose answer never came although a later one did: their connection was lost with it.
    public private(set) var unanswered = 0
    /// The latest refusals, at most 100.
    public private(set) var refusals: [Refusal] = []

    private let socket: Socket
    private let monitor: Monitor
    private let poller = Poller()
    private let token: Poller.Token
    private let delivery: Delivery?
    private let maxOutstanding: Int
    private let encoder = JSONEncoder()
    /// Oldest first: ingest answers each feeder in the order of its frames. Nil is the end of the stream.
    private var outstanding: [CameraFrame?] = []
    private var nextFrame: UInt64 = 0

    /// Connects to an ingest.
    ///
    /// - Parameters:
    ///   - endpoint: ingest's ROUTER, by default port 5551.
    ///   - delivery: what a full window does with this stream; nil leaves it to ingest.
    ///   - maxOutstanding: how many frames may be unanswered.
    public init(
        stream: StreamName, to endpoint: String, in context: Context, delivery: Delivery? = nil,
        maxOutstanding: Int = 16
    ) throws(ZeroMQError) {
        self.stream = stream
        self.delivery = delivery
        self.maxOutstanding = maxOutstanding
        var options = SocketOptions()
        options.sendHighWaterMark = maxOutstanding + 1
        options.receiveHighWaterMark = maxOutstanding + 1
        options.server = .ingest
        socket = try Socket(.dealer, in: context, options: options)
        monitor = try Monitor(watching: socket, in: context)
        try socket.connect(endpoint)
        token = poller.watch(socket)
    }

    /// Frames that wait for an answer.
    public var outstandingCount: Int { outstanding.count }

    /// Sends one frame, waiting first while too many are unanswered.
    ///
    /// - Parameters:
    ///   - jpeg: the image.
    ///   - captureTime: when it was taken; nil lets ingest's clock say.
    ///   - whileWaiting: called about ten times a second while it waits; false gives up.
    /// - Returns: the frame's number, or nil where `whileWaiting` gave up and nothing was sent.
    @discardableResult
    public func send(
        jpeg: Message, captureTime: Timestamp? = nil, whileWaiting: () -> Bool = { true }
    ) throws -> CameraFrame? {
        try takeAnswers()
        guard try wait(until: { $0.outstanding.count < $0.maxOutstanding }, whileWaiting) else { return nil }
        let frame = CameraFrame(nextFrame)
        let header = FeederHeader(stream: stream, captureTime: captureTime, cameraFrame: frame, delivery: delivery)
        guard try transmit([try encoded(header), jpeg], whileWaiting) else { return nil }
        nextFrame += 1
        outstanding.append(frame)
        return frame
    }

    /// Ends the stream and waits until every frame is answered.
    ///
    /// - Returns: false where `whileWaiting` gave up before.
    public func end(whileWaiting: () -> Bool = { true }) throws -> Bool {
        guard try wait(until: { $0.outstanding.isEmpty }, whileWaiting) else { return false }
        guard try transmit([try encoded(FeederHeader(stream: stream, isEnd: true))], whileWaiting) else { return false }
        outstanding.append(nil)
        return try wait(until: { $0.outstanding.isEmpty }, whileWaiting)
    }

    private func encoded(_ header: FeederHeader) throws -> Message {
        Message(try encoder.encode(header))
    }

    private func transmit(_ parts: [Message], _ whileWaiting: () -> Bool) throws -> Bool {
        while try !socket.send(parts) {
            poller.setInterest(token, receiving: true, sending: true)
            defer { poller.setInterest(token, receiving: true) }
            if try poller.wait(timeout: .milliseconds(100)) == 0, !whileWaiting() { return false }
            try takeAnswers()
        }
        return true
    }

    private func wait(until done: (Feeder) -> Bool, _ whileWaiting: () -> Bool) throws -> Bool {
        while !done(self) {
            if try poller.wait(timeout: .milliseconds(100)) == 0, !whileWaiting() { return false }
            try takeAnswers()
        }
        return true
    }

    private func takeAnswers() throws {
        try monitor.checkKeyIsAccepted()
        while case .parts(let parts)? = try socket.receive() {
            guard let answer = parts.last?.text.flatMap(FeederAnswer.init), !outstanding.isEmpty else { continue }
            if case .accepted(let number?) = answer { forgetFrames(before: number) }
            guard !outstanding.isEmpty else { continue }
            let frame = outstanding.removeFirst()
            switch (answer, frame) {
            case (.accepted, .some): accepted += 1
            case (.accepted, nil): break
            case (.refused(let reason), let frame):
                refusedCount += 1
                refusals.append(Refusal(frame: frame ?? CameraFrame(nextFrame), reason: reason))
                if refusals.count > 100 { refusals.removeFirst() }
            }
        }
    }

    /// Answers come in order: what is older than an answered frame will not be answered any more.
    private func forgetFrames(before number: CameraFrame) {
        guard let index = outstanding.firstIndex(of: number) else { return }
        unanswered += index
        outstanding.removeFirst(index)
    }
}
