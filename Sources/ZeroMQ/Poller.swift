internal import CZeroMQ

/// Waits for several sockets and mailboxes at once, on the thread that owns them.
public final class Poller {
    private var items: [zmq_pollitem_t] = []
    /// The socket of each of them that is one, held: libzmq keeps only the pointer.
    private var sockets: [Socket?] = []
    /// Places in `items` that nothing has.
    private var free: [Int] = []

    /// A registered socket or mailbox.
    public struct Token: Hashable, Sendable {
        let index: Int
    }

    /// A poller with nothing registered.
    public init() {}

    /// Watches a socket for incoming messages. Poll for sending only while something waits to be sent: a socket that
    /// can send is always ready.
    public func watch(_ socket: Socket) -> Token {
        let token = add(zmq_pollitem_t(socket: socket.handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
        sockets[token.index] = socket
        return token
    }

    /// Watches a file descriptor (such as a mailbox's) for reading.
    public func watch(fileDescriptor: Int32) -> Token {
        add(zmq_pollitem_t(socket: nil, fd: fileDescriptor, events: Int16(ZMQ_POLLIN), revents: 0))
    }

    /// Watches it no more. Its token must not be used again: another one may get its place.
    public func unwatch(_ token: Token) {
        items[token.index] = Self.nothing
        sockets[token.index] = nil
        free.append(token.index)
    }

    /// A negative descriptor, as for poll(2): never ready.
    private static var nothing: zmq_pollitem_t { zmq_pollitem_t(socket: nil, fd: -1, events: 0, revents: 0) }

    private func add(_ item: zmq_pollitem_t) -> Token {
        guard let index = free.popLast() else {
            items.append(item)
            sockets.append(nil)
            return Token(index: items.count - 1)
        }
        items[index] = item
        return Token(index: index)
    }

    /// Chooses what a registered socket is watched for.
    public func setInterest(_ token: Token, receiving: Bool, sending: Bool = false) {
        items[token.index].events = Int16((receiving ? ZMQ_POLLIN : 0) | (sending ? ZMQ_POLLOUT : 0))
    }

    /// Waits until something is ready or the time is up.
    ///
    /// - Parameter timeout: nil waits for ever.
    /// - Returns: how many registered items are ready; ask `isReadable` and `isWritable` which.
    @discardableResult
    public func wait(timeout: Duration?) throws(ZeroMQError) -> Int {
        // Rounded up, so that a wait for half a millisecond does not spin.
        let milliseconds = timeout.map { $0 <= .zero ? 0 : ($0 + .microseconds(999)).wholeMilliseconds } ?? -1
        let ready = Int(try check("wait for sockets") { zmq_poll(&items, Int32(items.count), milliseconds) })
        // What is found empty need not be read to know it.
        for (item, socket) in zip(items, sockets)
        where item.events & Int16(ZMQ_POLLIN) != 0 && item.revents & Int16(ZMQ_POLLIN) == 0 {
            socket?.connections?.noteDrained()
        }
        return ready
    }

    /// Whether the last wait found something to receive. To try where it did not costs libzmq a system call or two; so do not
    /// where a turn of a loop has much to look at. What came since wakes the next wait at once.
    public func isReadable(_ token: Token) -> Bool {
        items[token.index].revents & Int16(ZMQ_POLLIN) != 0
    }

    /// Whether the last wait found room to send.
    public func isWritable(_ token: Token) -> Bool {
        items[token.index].revents & Int16(ZMQ_POLLOUT) != 0
    }
}
