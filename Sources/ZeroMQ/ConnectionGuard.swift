internal import CZeroMQ
internal import Foundation
internal import Glibc
internal import Synchronization

/// What a bound socket's connections have sent, shared by the thread that reads the socket and the context's guard.
final class ConnectionTable: Sendable {
    /// What connections may cost.
    struct Limits: Sendable {
        /// How many there may be.
        var connections: Int
        /// Bytes of messages whose last part has not come, of all together.
        var unfinishedBytes: Int
        /// The largest part. A connection with twice that unfinished is cut off whatever the others have.
        var messageBytes: Int
        /// After this a connection has said who it is, or libzmq has closed it.
        var handshake: Duration
        /// After this without a byte a peer that sends heartbeats is silent.
        var silence: Duration
    }

    /// One connection.
    struct Connection {
        let acceptedAt: ContinuousClock.Instant
        /// Bytes it had sent, as TCP counts them, when it was last looked at.
        var received: Int64 = 0
        /// Bytes of them that are known to belong to messages that were read, or to no message.
        var accounted: Int64 = 0
        /// Whether a message of it was read since it was last looked at.
        var hasProgressed = false
        /// Whether a message of it was ever read.
        var hasSpoken = false
        /// When bytes of it were last seen to have come.
        var lastGrowth: ContinuousClock.Instant
        var isSilent = false

        init(acceptedAt: ContinuousClock.Instant) {
            self.acceptedAt = acceptedAt
            lastGrowth = acceptedAt
        }

        /// What it sent of messages that cannot be read yet.
        var unfinished: Int { Int(max(0, received - accounted)) }
    }

    struct State {
        var connections: [Int32: Connection] = [:]
        /// Whether the socket was read empty since it was last looked at: what is left then is unfinished.
        var isDrained = false
        /// Connections lost that had carried messages.
        var lost = 0
        /// How often one that had carried messages fell silent.
        var silences = 0
        var lastLook = ContinuousClock.now
    }

    let limits: Limits
    let state = Mutex(State())

    init(limits: Limits) {
        self.limits = limits
    }

    /// A message of this connection was read.
    func noteMessage(from descriptor: Int32) {
        state.withLock { state in
            guard let place = state.connections.index(forKey: descriptor) else { return }
            state.connections.values[place].hasProgressed = true
            state.connections.values[place].hasSpoken = true
        }
    }

    /// The socket has no complete message.
    func noteDrained() {
        state.withLock { $0.isDrained = true }
    }
}

/// A context's thread that bounds what the connections of its bound sockets cost: libzmq limits neither their number
/// nor the size of a message that never ends. It also sees that the authenticator answers.
///
/// It learns of connections from the sockets' monitors and cuts one off by shutting its file descriptor down, which
/// libzmq takes for a lost connection. A descriptor that is closed and used again in the same instant would lose the
/// wrong connection: that one comes back like any that is lost.
final class ConnectionGuard: Sendable {
    private enum Order {
        case watch(events: String, ConnectionTable, done: DispatchSemaphore)
        case stop
    }

    private let orders = Mailbox<Order>()
    /// How often unfinished messages are looked at, and how often once they are a quarter of what is allowed: a peer on
    /// this machine sends a hundred megabytes in the longer one.
    private static let interval = (quiet: Duration.milliseconds(100), pressing: Duration.milliseconds(20))
    /// What heartbeats make a quiet connection send in an interval, generously: no message grows by so little.
    private static let heartbeatBytes: Int64 = 256

    init(for context: ContextHandle, ring: KeyRing?) {
        let orders = orders
        let thread = Thread {
            posebus_name_this_thread("zmq-guard")
            var loop = Loop(context: context, ring: ring, orders: orders)
            // ETERM is the end of the context. Nothing else can happen to inproc sockets.
            try? loop.run()
        }
        thread.stackSize = 512 << 10
        thread.start()
    }

    /// Watches a socket that reports its events at an endpoint, from before this returns: libzmq's I/O thread waits
    /// while nobody takes its events.
    func watch(_ events: String, _ table: ConnectionTable) {
        let done = DispatchSemaphore(value: 0)
        orders.post(.watch(events: events, table, done: done))
        // In time, unless the context was shut down meanwhile.
        _ = done.wait(timeout: .now() + .seconds(10))
    }

    func stop() {
        orders.post(.stop)
    }

    /// What the thread owns.
    private struct Loop {
        let context: ContextHandle
        let ring: KeyRing?
        let orders: Mailbox<Order>
        var watched: [(monitor: Monitor, table: ConnectionTable)] = []
        let poller = Poller()

        init(context: ContextHandle, ring: KeyRing?, orders: Mailbox<Order>) {
            self.context = context
            self.ring = ring
            self.orders = orders
        }

        mutating func run() throws(ZeroMQError) {
            _ = poller.watch(fileDescriptor: orders.fileDescriptor)
            var probe = ring == nil ? nil : try Authenticator.Probe(in: context)
            var nextLook = ContinuousClock.now
            var nextProbe = ContinuousClock.now
            while true {
                try poller.wait(timeout: max(.zero, nextLook - .now))
                for order in orders.drain() {
                    guard case .watch(let events, let table, let done) = order else { return }
                    let monitor = try Monitor(reading: events, borrowing: context)
                    done.signal()
                    _ = poller.watch(monitor.socket)
                    watched.append((monitor, table))
                }
                for (monitor, table) in watched { try follow(monitor, table) }
                guard .now >= nextLook else { continue }
                var isPressing = false
                for (_, table) in watched where cutOffUnfinished(table) { isPressing = true }
                nextLook = .now + (isPressing ? ConnectionGuard.interval.pressing : ConnectionGuard.interval.quiet)
                if .now >= nextProbe {
                    nextProbe = .now + .milliseconds(500)
                    if try probe?.round() == false { return ring?.authenticatorDied() ?? () }
                }
            }
        }

        /// Notes who came and went, and makes room where there are too many.
        private func follow(_ monitor: Monitor, _ table: ConnectionTable) throws(ZeroMQError) {
            var hasGrown = false
            while let event = try monitor.next() {
                let descriptor = Int32(bitPattern: event.value)
                switch event.kind {
                case .accepted:
                    table.state.withLock { $0.connections[descriptor] = ConnectionTable.Connection(acceptedAt: .now) }
                    hasGrown = true
                case .disconnected, .closed:
                    table.state.withLock { state in
                        if state.connections.removeValue(forKey: descriptor)?.hasSpoken == true { state.lost += 1 }
                    }
                default: break
                }
            }
            guard hasGrown else { return }
            for descriptor in Self.superfluous(table) { cutOff(descriptor, table) }
        }

        /// The connections that are too many: of those that may still be strangers the ones that said least, else the
        /// newest. Whoever has said who it is stays.
        private static func superfluous(_ table: ConnectionTable) -> [Int32] {
            let now = ContinuousClock.now
            return table.state.withLock { state in
                let tooMany = state.connections.count - table.limits.connections
                guard tooMany > 0 else { return [] }
                let young = state.connections.filter { now - $0.value.acceptedAt < table.limits.handshake }
                let strangers =
                    young.map {
                        (descriptor: $0.key, said: posebus_tcp_bytes_received($0.key), at: $0.value.acceptedAt)
                    }
                    .sorted { ($0.said, $0.at) < ($1.said, $1.at) }.map(\.descriptor)
                if strangers.count >= tooMany { return Array(strangers.prefix(tooMany)) }
                let newest = state.connections.filter { young[$0.key] == nil }
                    .sorted { $0.value.acceptedAt > $1.value.acceptedAt }.map(\.key)
                return strangers + newest.prefix(tooMany - strangers.count)
            }
        }

        /// Looks at what has been sent and cannot be read, and cuts off the largest of it beyond the limits.
        ///
        /// - Returns: whether much has come since that may turn out to be too much.
        private func cutOffUnfinished(_ table: ConnectionTable) -> Bool {
            for descriptor in table.state.withLock({ Self.excessive(&$0, table.limits) }) { cutOff(descriptor, table) }
            return table.state.withLock { state in
                state.connections.values.reduce(0) { $0 + $1.unfinished } > table.limits.unfinishedBytes / 4
            }
        }

        /// What was there at the last look has been read since or is unfinished, if the socket was read empty since. If it
        /// was not, complete messages wait in it too, which their number bounds; then eight times as much is allowed.
        private static func excessive(_ state: inout ConnectionTable.State, _ limits: ConnectionTable.Limits) -> [Int32]
        {
            let now = ContinuousClock.now
            // Whoever did not look for a while, because this process stood still, heard nobody.
            let wasAway = now - state.lastLook > .milliseconds(500)
            state.lastLook = now
            var unfinished: [(descriptor: Int32, bytes: Int)] = []
            for (descriptor, var connection) in state.connections {
                if connection.hasProgressed { connection.accounted = connection.received }
                connection.hasProgressed = false
                if connection.unfinished > 0 { unfinished.append((descriptor, connection.unfinished)) }
                let total = max(connection.received, posebus_tcp_bytes_received(descriptor))
                let growth = total - connection.received
                if growth <= ConnectionGuard.heartbeatBytes { connection.accounted += growth }
                connection.received = total
                if growth > 0 || wasAway {
                    connection.lastGrowth = now
                    connection.isSilent = false
                } else if !connection.isSilent, connection.hasSpoken, total > 0,
                    now - connection.lastGrowth > limits.silence
                {
                    connection.isSilent = true
                    state.silences += 1
                }
                state.connections[descriptor] = connection
            }
            let allowed = limits.unfinishedBytes * (state.isDrained ? 1 : 8)
            defer { state.isDrained = false }
            var sum = unfinished.reduce(0) { $0 + $1.bytes }
            var excessive: [Int32] = []
            for (descriptor, bytes) in unfinished.sorted(by: { $0.bytes > $1.bytes }) {
                guard sum > allowed || (state.isDrained && bytes / 2 > limits.messageBytes) else { break }
                sum -= bytes
                excessive.append(descriptor)
            }
            return excessive
        }

        private func cutOff(_ descriptor: Int32, _ table: ConnectionTable) {
            shutdown(descriptor, Int32(SHUT_RDWR))
            table.state.withLock { $0.connections[descriptor] = nil }
        }
    }
}
