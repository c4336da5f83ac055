internal import Foundation
internal import Logging
internal import Messages
internal import Security
internal import Store
internal import ZeroMQ

/// The ROUTER socket on which what is stored is asked for (`ReplayRequest`) and played back, in order.
///
/// - A DEALER sends `[request]` and receives one message an item (`[body]`, or of a picture `[identity][JPEG]`), then
///   `[ReplayEnd]`. Several requests are answered one after the other.
/// - A REQ socket, or whoever frames its request as `[""][request]`, receives one message, `[""][body]…[body][ReplayEnd]`,
///   of at most 256 outcomes, or a megabyte; `more` says that there are others.
///
/// Each turn does a bounded piece of work, so that storing and acknowledging go on meanwhile. What is on its way to peers is
/// bounded in bytes (`ReplayPeers`), whatever the pictures' size, and a peer that takes nothing for a while is cut off.
final class ReplayServer {
    let socket: Socket
    /// Outcomes sent so far.
    private(set) var outcomesSent = 0
    /// Requests taken so far, refused ones included.
    private(set) var requests = 0

    private let logger: Logger
    private var peers: ReplayPeers
    /// In the order in which they came.
    private var replays: [Replay] = []
    private var turns = 0

    /// The most requests in hand; further ones wait in the socket.
    private static let maxReplays = 64
    /// Outcomes read from the store at one go: for a stream of messages, and for one answer to a REQ.
    private static let page = (count: 16, bytes: 256 << 10)
    private static let wholeAnswer = (count: 256, bytes: 1 << 20)
    /// Pages sent before anything else gets its turn.
    private static let pagesPerTurn = 4

    private struct Replay {
        /// The name under which the ROUTER knows the peer.
        let peer: Message
        let peerName: [UInt8]
        let isRequestReply: Bool
        var reader: ReplayReader
        var end: ReplayEnd
        /// Messages that wait for room.
        var outbox: [[Message]] = []
        var isComplete = false
    }

    /// Makes the socket; it is not bound yet.
    init(
        options: SocketOptions, in context: Context, patience: Duration, logger: Logger
    ) throws(ZeroMQError) {
        var options = options
        // Bytes are what bounds a queue: see `ReplayPeers`.
        options.sendHighWaterMark = 1000
        options.maxMessageSize = Int64(2 * ReplayRequest.maxLength)
        options.linger = .milliseconds(200)
        options.accepts = .subscribers
        socket = try Socket(.router, in: context, options: options)
        peers = ReplayPeers(patience: patience)
        self.logger = logger
    }

    /// Whether there is room for a request; the poller watches for them only then.
    var acceptsRequests: Bool { replays.count < Self.maxReplays }

    /// How long the poller may wait: not at all while there is something to send, briefly while peers are full.
    var pollTimeout: Duration? {
        if replays.isEmpty { return nil }
        var seen: Set<[UInt8]> = []
        for replay in replays where seen.insert(replay.peerName).inserted {
            if replay.outbox.isEmpty && peers.mayHaveMore(replay.peerName) { return .zero }
        }
        return .milliseconds(2)
    }

    /// Takes requests and sends a bounded piece of the answers.
    ///
    /// - Parameter hasRequests: whether the poller found any.
    func turn(_ store: StoreReader, hasRequests: Bool, at now: ContinuousClock.Instant) throws(ZeroMQError) {
        while hasRequests, acceptsRequests, let received = try socket.receive(maxParts: 3) {
            if case .parts(let parts) = received { try accept(parts, store, now) }
        }
        for (name, request) in peers.stuck(on: socket, at: now) {
            logger.notice(
                "cut off a peer of replay that takes nothing; whatever it still needs it can ask for again",
                metadata: ["unread_bytes": "\(peers.bytesHeld(by: name))"])
            socket.cutOff(senderOf: request)
            replays.removeAll { $0.peerName == name }
        }
        var pages = 0
        var lost: Set<[UInt8]> = []
        for index in firstOfEachPeer() {
            if replays[index].outbox.isEmpty {
                guard pages < Self.pagesPerTurn, peers.mayHaveMore(replays[index].peerName) else { continue }
                pages += 1
                read(&replays[index], store)
            }
            if try !send(&replays[index]) { lost.insert(replays[index].peerName) }
        }
        replays.removeAll { ($0.isComplete && $0.outbox.isEmpty) || lost.contains($0.peerName) }
        peers.forget(keeping: replays.map(\.peerName))
    }

    /// The requests that are being answered: of each peer the first. Another peer begins each turn.
    private func firstOfEachPeer() -> [Int] {
        guard !replays.isEmpty else { return [] }
        var seen: Set<[UInt8]> = []
        let first = replays.indices.filter { seen.insert(replays[$0].peerName).inserted }
        turns &+= 1
        let start = turns % first.count
        return Array(first[start...] + first[..<start])
    }

    // MARK: - Requests

    private func accept(_ parts: [Message], _ store: StoreReader, _ now: ContinuousClock.Instant) throws(ZeroMQError) {
        let isRequestReply = parts.count == 3 && parts[1].count == 0
        guard isRequestReply || parts.count == 2, let body = parts.last else { return }
        requests += 1
        do {
            let name = parts[0].bytes
            let meter = peers.meter(of: name, asking: body, at: now)
            let (reader, end) = try ReplayReader.begin(ReplayRequest(json: body.bytes), store, countedBy: meter)
            replays.append(
                Replay(
                    peer: parts[0], peerName: name, isRequestReply: isRequestReply, reader: reader, end: end))
        } catch {
            let refusal = json(ReplayEnd(error: "\(error)"))
            let answer = isRequestReply ? [parts[0], Message([]), Message(refusal)] : [parts[0], Message(refusal)]
            try ignoringUnreachable { () throws(ZeroMQError) in _ = try socket.send(answer) }
        }
    }

    // MARK: - Answers

    private func read(_ replay: inout Replay, _ store: StoreReader) {
        let size = replay.isRequestReply ? Self.wholeAnswer : Self.page
        var items: [[Message]] = []
        do {
            repeat {
                let page = try replay.reader.read(store, limit: size.count, maxBytes: size.bytes)
                items += page.items
                replay.end.count += UInt64(page.count)
                if let next = page.next { replay.end.next = next.value }
                replay.isComplete = replay.reader.isAtEnd
            } while replay.isRequestReply && replay.reader.isWhole && !replay.isComplete
        } catch {
            replay.end.error = "\(error)"
            replay.isComplete = true
        }
        outcomesSent += items.count
        if replay.isRequestReply {
            replay.end.more = !replay.isComplete
            replay.isComplete = true
            replay.outbox = [[replay.peer, Message([])] + items.flatMap { $0 } + [Message(json(replay.end))]]
        } else {
            replay.outbox = items.map { [replay.peer] + $0 }
            if replay.isComplete { replay.outbox.append([replay.peer, Message(json(replay.end))]) }
        }
    }

    /// Sends what there is room for.
    ///
    /// - Returns: false where the peer is gone.
    private func send(_ replay: inout Replay) throws(ZeroMQError) -> Bool {
        var sent = 0
        let isGone = try ignoringUnreachable { () throws(ZeroMQError) in
            while sent < replay.outbox.count, try socket.send(replay.outbox[sent]) { sent += 1 }
        }
        replay.outbox.removeFirst(sent)
        return !isGone
    }

    /// Runs a send.
    ///
    /// - Returns: true where the peer is gone.
    @discardableResult
    private func ignoringUnreachable(_ send: () throws(ZeroMQError) -> Void) throws(ZeroMQError) -> Bool {
        do throws(ZeroMQError) {
            try send()
            return false
        } catch  where error.code == .hostUnreachable {
            return true
        }
    }
}
