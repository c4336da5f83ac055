internal import CZeroMQ
internal import Glibc

/// One part of a ZeroMQ message: bytes that are never changed once the message exists.
///
/// A received part is handed on whole: forwarding it shares libzmq's reference-counted buffer and copies nothing.
/// The `zmq_msg_t` is heap-boxed because parts of up to 33 bytes live inside it.
public final class Message: @unchecked Sendable {
    // Unchecked: the bytes are immutable and their address is fixed at creation, so any thread may read them. Only
    // `Socket.send` touches the box itself (it shares the buffer), and a message is sent by one thread at a time:
    // the one that owns the socket it was handed to.
    let box: UnsafeMutablePointer<zmq_msg_t>

    private let buffer: UnsafeRawBufferPointer

    /// Takes over a `zmq_msg_t` that libzmq has initialised.
    init(adopting box: UnsafeMutablePointer<zmq_msg_t>) {
        self.box = box
        buffer = UnsafeRawBufferPointer(start: zmq_msg_data(box), count: zmq_msg_size(box))
    }

    /// Makes a part of `count` bytes and lets `fill` write them in place.
    public convenience init<E: Error>(
        count: Int, initializingWith fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void
    ) throws(E) {
        let box = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
        precondition(zmq_msg_init_size(box, count) == 0, "out of memory for a message of \(count) bytes")
        do {
            try fill(UnsafeMutableRawBufferPointer(start: zmq_msg_data(box), count: count))
        } catch {
            zmq_msg_close(box)
            box.deallocate()
            throw error
        }
        self.init(adopting: box)
    }

    /// Makes a part with a copy of `source`.
    public convenience init(copying source: UnsafeRawBufferPointer) {
        self.init(count: source.count) { $0.copyMemory(from: source) }
    }

    /// Makes a part with a copy of `bytes`.
    public convenience init(_ bytes: some Collection<UInt8>) {
        self.init(count: bytes.count) { destination in
            let copied: Void? = bytes.withContiguousStorageIfAvailable {
                destination.copyMemory(from: UnsafeRawBufferPointer($0))
            }
            if copied == nil { destination.copyBytes(from: bytes) }
        }
    }

    /// Makes a part with the UTF-8 bytes of `text`.
    public convenience init(_ text: some StringProtocol) {
        self.init(Array(text.utf8))
    }

    /// The number of bytes.
    public var count: Int { buffer.count }

    /// The bytes where they lie, for as long as `body` runs.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The caller's last use of the message may be this call: it must not be freed while the bytes are read.
        defer { withExtendedLifetime(self) {} }
        return try body(buffer)
    }

    /// A copy of the bytes: for headers. Payloads are read with `withUnsafeBytes`.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// The bytes as UTF-8 text, or nil where they are not.
    public var text: String? { String(validating: bytes, as: UTF8.self) }

    /// The public key of the peer it came from (the ZAP `User-Id`); nil without keys, and for what was not received.
    public var sender: PublicKey? {
        withExtendedLifetime(self) { zmq_msg_gets(box, "User-Id").flatMap { PublicKey(String(cString: $0)) } }
    }

    /// The file descriptor of the connection it came over, or -1.
    var sourceDescriptor: Int32 {
        withExtendedLifetime(self) { zmq_msg_get(box, ZMQ_SRCFD) }
    }

    /// Calls `send` with a second handle on the same buffer, while the original stays with its owner. The handle lives on the
    /// stack: every part of every message is sent by one.
    func withShared<Result>(
        _ send: (UnsafeMutablePointer<zmq_msg_t>) throws(ZeroMQError) -> Result
    ) throws(ZeroMQError) -> Result {
        var copy = zmq_msg_t()
        return try withUnsafeMutablePointer(to: &copy) { copy throws(ZeroMQError) in
            zmq_msg_init(copy)
            zmq_msg_copy(copy, box)
            // libzmq has taken what was sent, and left an empty message.
            defer { zmq_msg_close(copy) }
            return try send(copy)
        }
    }

    deinit {
        zmq_msg_close(box)
        box.deallocate()
    }
}
