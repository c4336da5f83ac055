internal import CZeroMQ
internal import Glibc

/// libzmq's context: the owner of its I/O threads. One a process.
///
/// Sockets made from it belong to the thread that made them. `shutdown()` may be called from any thread: every
/// blocked call then throws `ZeroMQError.Code.terminated`, which is the clean end of a socket's thread.
///
/// - Important: Never fork after a context exists: libzmq's threads do not survive it.
public final class Context: @unchecked Sendable {
    // Unchecked: a context is the one object that libzmq documents as thread-safe, and the pointer never changes.
    let handle: UnsafeMutableRawPointer

    /// Makes a context.
    ///
    /// - Parameters:
    ///   - ioThreads: libzmq's threads that move bytes; one carries about a gigabyte a second.
    ///   - maxSockets: how many sockets may exist at once.
    public init(ioThreads: Int = 1, maxSockets: Int = 1024) throws(ZeroMQError) {
        guard let handle = zmq_ctx_new() else {
            throw ZeroMQError(code: .init(rawValue: zmq_errno()), operation: "make a ZeroMQ context")
        }
        self.handle = handle
        _ = try check("set the number of I/O threads") { zmq_ctx_set(handle, ZMQ_IO_THREADS, Int32(ioThreads)) }
        _ = try check("set the number of sockets") { zmq_ctx_set(handle, ZMQ_MAX_SOCKETS, Int32(maxSockets)) }
    }

    /// Wakes every thread that waits on a socket of this context; safe to repeat and from any thread.
    public func shutdown() {
        zmq_ctx_shutdown(handle)
    }

    deinit {
        // Returns once every socket is closed. Sockets hold the context, so none can be left here.
        while zmq_ctx_term(handle) != 0 && zmq_errno() == EINTR {}
    }
}
