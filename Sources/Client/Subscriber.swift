internal import Foundation
public import Messages
public import ZeroMQ

/// The beginning or the end of a session, as the sink announces it.
public struct SessionEvent: Sendable, Equatable, Decodable {
    /// What happened.
    public enum Kind: String, Sendable, Decodable {
        case begin, end
    }

    /// What happened.
    public let event: Kind
    /// The stream's name.
    public let stream: String
    /// The session's UUID.
    public let session: String
    /// Frames stored of the session so far; at its end all of them.
    public let frames: Int
    /// Outcomes that are poses.
    public let poses: Int
    /// Outcomes that are drops.
    public let drops: Int
    /// At the end: whether all frames are stored. False where the session's ingest is gone, and with it what it held.
    public let complete: Bool?
}

/// Receives the sink's results as they are published.
///
/// Publishing is not delivery: what is published while a subscriber is away or slow passes it by. Everything is in the
/// store.
///
/// Use it on one thread: it owns a socket.
public final class Subscriber {
    /// What arrives.
    public enum Event: Sendable {
        /// One frame's outcome.
        case outcome(Outcome)
        /// A session began or ended.
        case session(SessionEvent)
    }

    private let socket: Socket
    private let monitor: Monitor
    private let poller = Poller()
    private let stream: StreamName?
    /// Messages that could not be read, so far: a sink of another release.
    public private(set) var unreadable = 0

    /// Subscribes to a sink's results.
    ///
    /// - Parameters:
    ///   - endpoint: the sink's XPUB, by default port 5571.
    ///   - stream: only this stream; nil for all.
    ///   - highWaterMark: how many messages may wait here; older ones are kept, newer ones are lost.
    public init(
        to endpoint: String, stream: StreamName? = nil, highWaterMark: Int = 10_000, in context: Context
    ) throws(ZeroMQError) {
        self.stream = stream
        var options = SocketOptions()
        options.receiveHighWaterMark = highWaterMark
        socket = try Socket(.subscribe, in: context, options: options)
        monitor = try Monitor(watching: socket, in: context)
        for prefix in [Topic.posePB, Topic.session] { try socket.subscribe(prefix + (stream?.description ?? "")) }
        try socket.connect(endpoint)
        _ = poller.watch(socket)
    }

    /// Waits until the sink has been reached. What it publishes from a moment later on arrives here.
    ///
    /// - Returns: false where it was not reached in time; the subscriber goes on trying.
    @discardableResult
    public func waitUntilConnected(timeout: Duration) throws(ZeroMQError) -> Bool {
        let poller = Poller()
        _ = poller.watch(monitor.socket)
        let deadline = ContinuousClock.now + timeout
        while deadline > .now {
            try poller.wait(timeout: deadline - .now)
            while let event = try monitor.next() {
                if event.kind == .ready { return true }
            }
        }
        return false
    }

    /// The next event, or nil when none came in time.
    public func next(timeout: Duration) throws(ZeroMQError) -> Event? {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let event = try take() { return event }
            let left = deadline - .now
            guard left > .zero, try poller.wait(timeout: left) > 0 else { return nil }
        }
    }

    private func take() throws(ZeroMQError) -> Event? {
        while case .parts(let parts)? = try socket.receive() {
            guard parts.count == 2, let topic = parts[0].text else {
                unreadable += 1
                continue
            }
            // A subscription is a prefix: "cam1" also brings "cam10".
            if let stream, !topic.hasSuffix("/\(stream)") { continue }
            if topic.hasPrefix(Topic.posePB), let outcome = try? Outcome(wire: parts[1].bytes) {
                return .outcome(outcome)
            }
            if topic.hasPrefix(Topic.session),
                let event = try? JSONDecoder().decode(SessionEvent.self, from: Data(parts[1].bytes))
            {
                return .session(event)
            }
            unreadable += 1
        }
        return nil
    }
}
