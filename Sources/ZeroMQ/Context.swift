internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// libzmq's context: the owner of its I/O threads. One a process.
///
/// Sockets made from it belong to the thread that made them. `shutdown()` may be called from any thread: every
/// blocked call then throws `ZeroMQError.Code.terminated`, which is the clean end of a socket's thread.
///
/// - Important: Never fork after a context exists: libzmq's threads do not survive it.
public final class Context: Sendable {
    let handle: ContextHandle
    /// Whom its sockets accept.
    public let access: Access
    private let threads = Mutex(OwnThreads())

    /// The threads that a context starts before its first socket binds.
    private struct OwnThreads {
        var authenticator: Authenticator?
        var connectionGuard: ConnectionGuard?
    }

    /// Makes a context.
    ///
    /// - Parameters:
    ///   - access: whom its sockets accept from outside this process.
    ///   - ioThreads: libzmq's threads that move bytes; one carries about a gigabyte a second.
    ///   - maxSockets: how many sockets may exist at once.
    public init(access: Access = .thisMachine, ioThreads: Int = 1, maxSockets: Int = 1024) throws(ZeroMQError) {
        guard let pointer = zmq_ctx_new() else {
            throw ZeroMQError(code: .init(rawValue: zmq_errno()), operation: "make a ZeroMQ context")
        }
        handle = ContextHandle(pointer: pointer)
        self.access = access
        do throws(ZeroMQError) {
            _ = try check("set the number of I/O threads") { zmq_ctx_set(pointer, ZMQ_IO_THREADS, Int32(ioThreads)) }
            _ = try check("set the number of sockets") { zmq_ctx_set(pointer, ZMQ_MAX_SOCKETS, Int32(maxSockets)) }
        } catch {
            handle.terminate()
            throw error
        }
    }

    /// Wakes every thread that waits on a socket of this context; safe to repeat and from any thread.
    public func shutdown() {
        zmq_ctx_shutdown(handle.pointer)
    }

    /// The thread that bounds what connections cost. Where there are keys the authenticator answers before this returns,
    /// and so before any socket can bind.
    func startThreads() throws(ZeroMQError) -> ConnectionGuard {
        try threads.withLock { threads throws(ZeroMQError) in
            if let started = threads.connectionGuard { return started }
            var ring: KeyRing?
            if case .keys(let keys) = access {
                ring = keys
                threads.authenticator = try Authenticator(for: handle, ring: keys)
            }
            let new = ConnectionGuard(for: handle, ring: ring)
            threads.connectionGuard = new
            return new
        }
    }

    /// Ends the authenticator's thread, to test what happens then.
    package func stopAuthenticator() {
        threads.withLock { $0.authenticator?.stop() }
    }

    deinit {
        // Sockets hold the context, so all that is left are those of its own threads, which end with ETERM.
        threads.withLock { $0.connectionGuard?.stop() }
        handle.terminate()
    }
}

/// The pointer alone, for the context's own threads: if they held the context it would never end.
struct ContextHandle: @unchecked Sendable {
    // Unchecked: a context is the one object that libzmq documents as thread-safe, and the pointer never changes.
    let pointer: UnsafeMutableRawPointer

    /// Returns once every socket is closed.
    func terminate() {
        while zmq_ctx_term(pointer) != 0 && zmq_errno() == EINTR {}
    }
}
