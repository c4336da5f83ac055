public import ServiceLifecycle
internal import ZeroMQ

/// A service that lives on one thread of its own, which owns its sockets from the first to the last.
public struct ThreadService: Service {
    private let name: String
    private let stop = StopSignal()
    private let body: @Sendable (StopSignal) throws -> Void

    /// A service.
    ///
    /// - Parameters:
    ///   - name: the thread's name.
    ///   - body: the thread's life. It watches the signal, drains when it is given and returns.
    public init(named name: String, _ body: @escaping @Sendable (StopSignal) throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Runs the thread to its end. A graceful shutdown becomes the stop signal.
    public func run() async throws {
        try await withGracefulShutdownHandler {
            try await runOnThread(named: name) { try body(stop) }
        } onGracefulShutdown: {
            stop.request()
        }
    }
}
