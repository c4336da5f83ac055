internal import ZeroMQ

/// What is on its way to each peer of replay: bounded in bytes, and taken by the peer within a time.
///
/// libzmq bounds a queue by the number of messages alone: pictures can be any size, and outcomes are small. So no more is read for a peer
/// that has `share` on its way already, nor, where all together have `most`, for one that has anything. On its way is what was
/// read from the store and is not yet with the kernel. A peer's share can be exceeded by one page, or one picture where
/// that is larger.
struct ReplayPeers {
    private static let share = 2 << 20
    private static let most = 64 << 20

    private struct Peer {
        let meter = MessageMeter()
        /// The latest request: it knows the connection.
        var request: Message
        /// When the peer took something, or had nothing to take.
        var lastProgress: ContinuousClock.Instant
        var bytesFreed = 0
        /// As TCP counts them, while nothing else shows progress.
        var bytesTaken: Int64?
        var nextLook: ContinuousClock.Instant
    }

    private let patience: Duration
    private var peers: [[UInt8]: Peer] = [:]

    /// - Parameter patience: how long a peer may take nothing.
    init(patience: Duration) {
        self.patience = patience
    }

    /// Counts what is made for a peer, which has just asked for something.
    mutating func meter(of name: [UInt8], asking request: Message, at now: ContinuousClock.Instant) -> MessageMeter {
        peers[name, default: Peer(request: request, lastProgress: now, nextLook: now)].request = request
        return peers[name]?.meter ?? MessageMeter()
    }

    /// Whether to read more for a peer.
    func mayHaveMore(_ name: [UInt8]) -> Bool {
        let held = bytesHeld(by: name)
        if held == 0 { return true }
        return held < Self.share && peers.values.reduce(0) { $0 + $1.meter.bytesHeld } < Self.most
    }

    /// Bytes on their way to a peer.
    func bytesHeld(by name: [UInt8]) -> Int {
        peers[name]?.meter.bytesHeld ?? 0
    }

    /// The peers that have taken nothing for too long, by name, with a request of each.
    ///
    /// A large picture on a slow link is progress too: TCP tells of bytes that the peer's machine has taken.
    mutating func stuck(on socket: Socket, at now: ContinuousClock.Instant) -> [(name: [UInt8], request: Message)] {
        var stuck: [(name: [UInt8], request: Message)] = []
        for (name, var peer) in peers {
            let freed = peer.meter.bytesFreed
            if freed != peer.bytesFreed || peer.meter.bytesHeld == 0 {
                peer.bytesFreed = freed
                peer.lastProgress = now
            } else if now >= peer.nextLook {
                peer.nextLook = now + patience / 4
                if let taken = socket.bytesTaken(bySenderOf: peer.request), taken != peer.bytesTaken {
                    peer.bytesTaken = taken
                    peer.lastProgress = now
                } else if now - peer.lastProgress > patience {
                    stuck.append((name, peer.request))
                    peer.lastProgress = now
                }
            }
            peers[name] = peer
        }
        return stuck
    }

    /// Forgets the peers that have everything they asked for, and those that are gone.
    mutating func forget(keeping names: [[UInt8]]) {
        if peers.isEmpty { return }
        let busy = Set(names)
        peers = peers.filter { busy.contains($0.key) || $0.value.meter.bytesHeld > 0 }
    }
}
