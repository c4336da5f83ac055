internal import CZeroMQ
internal import Glibc
internal import Synchronization

extension Socket {
    /// How many bytes the machine of the peer that sent a message has taken of what was sent to it, over the same connection;
    /// nil where that cannot be told: other transports than TCP, or no connection any more.
    public func bytesTaken(bySenderOf message: Message) -> Int64? {
        let bytes = posebus_tcp_bytes_acknowledged(message.sourceDescriptor)
        return bytes < 0 ? nil : bytes
    }

    /// Ends the connection that a message came over, on a bound socket. To libzmq it is a lost one: what waits for that peer
    /// is freed. A peer that connects again is welcome.
    public func cutOff(senderOf message: Message) {
        let descriptor = message.sourceDescriptor
        let isKnown = connections?.state.withLock { $0.connections[descriptor] != nil } ?? false
        if isKnown { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
}
