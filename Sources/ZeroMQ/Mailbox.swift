internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// Hands values from any thread to the one thread that polls, which wakes up for them.
///
/// It does not bound itself: what is posted is bounded by the window that admitted it.
public final class Mailbox<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    /// An eventfd that is readable while values wait; register it with a `Poller`.
    public let fileDescriptor: Int32

    /// An empty mailbox.
    public init() {
        fileDescriptor = posebus_eventfd()
        precondition(fileDescriptor >= 0, "no file descriptor left for a mailbox (errno \(errno))")
    }

    /// Adds a value and wakes the reader.
    public func post(_ value: Value) {
        let wasEmpty = values.withLock { values in
            values.append(value)
            return values.count == 1
        }
        if wasEmpty { posebus_eventfd_signal(fileDescriptor) }
    }

    /// Takes everything that waits, oldest first.
    public func drain() -> [Value] {
        posebus_eventfd_clear(fileDescriptor)
        return values.withLock { values in
            defer { values.removeAll(keepingCapacity: false) }
            return values
        }
    }

    deinit {
        close(fileDescriptor)
    }
}
