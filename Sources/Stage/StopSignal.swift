internal import Synchronization
internal import ZeroMQ

/// A request to stop, made by any thread and seen by the one that polls.
public final class StopSignal: Sendable {
    private let requested = Atomic<Bool>(false)
    private let wakeUp = Mailbox<Void>()

    /// A signal that nobody has given.
    public init() {}

    /// Asks to stop; safe to repeat.
    public func request() {
        requested.store(true, ordering: .releasing)
        wakeUp.post(())
    }

    /// Whether somebody asked.
    public var isRequested: Bool { requested.load(ordering: .acquiring) }

    /// Wakes a `Poller` when the request comes. It stays readable: check `isRequested` once, then stop watching.
    public var fileDescriptor: Int32 { wakeUp.fileDescriptor }

    /// Puts out the wake-up, so that a poller that goes on to drain does not spin.
    public func acknowledge() {
        _ = wakeUp.drain()
    }
}
