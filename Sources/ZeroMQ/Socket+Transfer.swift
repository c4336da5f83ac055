internal import CZeroMQ

/// A message as it was received: its parts, or how many there were where that was more than the reader accepts.
public enum Received: Sendable {
    /// All parts, at least one.
    case parts([Message])
    /// The message had more parts than allowed. It was read to its end and discarded.
    case tooManyParts(Int)
}

extension Socket {
    /// Sends a message of one or more parts, without blocking unless `blocking`.
    ///
    /// The parts stay with the caller and share their buffers with libzmq, so that they can be sent again.
    ///
    /// - Returns: false when nothing was sent because the high-water mark is reached or no peer is connected.
    public func send(_ parts: [Message], blocking: Bool = false) throws(ZeroMQError) -> Bool {
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            let flags = (blocking ? 0 : ZMQ_DONTWAIT) | (isLast ? 0 : ZMQ_SNDMORE)
            // When a later part is refused the peer is gone, and libzmq has rolled the first parts back.
            guard
                try part.withShared({ shared throws(ZeroMQError) in
                    try checkUnlessBlocking("send", { zmq_msg_send(shared, handle, flags) })
                }) != nil
            else { return false }
        }
        return true
    }

    /// Receives a whole message, without blocking unless `blocking`.
    ///
    /// - Parameter maxParts: messages of more parts are discarded and reported as such.
    /// - Returns: nil when there is none (or, when blocking, none within the receive timeout).
    public func receive(maxParts: Int = 16, blocking: Bool = false) throws(ZeroMQError) -> Received? {
        guard let first = try receivePart(blocking: blocking) else {
            connections?.noteDrained()
            return nil
        }
        var parts = [first.message]
        var count = 1
        var more = first.more
        if more { parts.reserveCapacity(min(maxParts, 3)) }
        while more {
            // The parts of one message arrive together: the next one is there.
            guard let next = try receivePart(blocking: true) else { break }
            count += 1
            if count <= maxParts { parts.append(next.message) }
            more = next.more
        }
        // A ROUTER's first part is its own; the last one was received.
        if let connections, let last = parts.last { connections.noteMessage(from: last.sourceDescriptor) }
        return count > maxParts ? .tooManyParts(count) : .parts(parts)
    }

    private func receivePart(blocking: Bool) throws(ZeroMQError) -> (message: Message, more: Bool)? {
        let box = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
        zmq_msg_init(box)
        let size: Int32?
        do throws(ZeroMQError) {
            size = try checkUnlessBlocking("receive") { zmq_msg_recv(box, handle, blocking ? 0 : ZMQ_DONTWAIT) }
        } catch {
            zmq_msg_close(box)
            box.deallocate()
            throw error
        }
        guard size != nil else {
            zmq_msg_close(box)
            box.deallocate()
            return nil
        }
        let more = zmq_msg_more(box) != 0
        return (Message(adopting: box), more)
    }
}
