internal import ArgumentParser
package import Logging
package import ServiceLifecycle
package import Stage
internal import Store
internal import ZeroMQ

/// What a sink is told at start.
package struct SinkConfiguration: Sendable {
    package var outcomes: String
    package var results: String
    package var acknowledgements: String
    package var replay: String
    package var store: String
    package var subscriberHighWaterMark: Int

    package init(
        outcomes: String, results: String, acknowledgements: String, replay: String, store: String,
        subscriberHighWaterMark: Int = 2000
    ) {
        self.outcomes = outcomes
        self.results = results
        self.acknowledgements = acknowledgements
        self.replay = replay
        self.store = store
        self.subscriberHighWaterMark = subscriberHighWaterMark
    }
}

/// The sink as a service: one thread owns its sockets, the order and the store.
///
/// - Parameter onReady: called on that thread once everything is bound; by default the readiness line is written.
package func sinkService(
    _ configuration: SinkConfiguration, logger: Logger,
    onReady: @escaping @Sendable (Readiness) -> Void = { $0.announce() }
) -> some Service {
    ThreadService(named: "sink") { stop in
        let store: StoreWriter
        do {
            store = try StoreWriter(path: configuration.store)
        } catch {
            throw StageFailure(error.description, exitCode: .cannotCreate)
        }
        let loop = try SinkLoop(configuration, store: store, logger: logger, context: try Context())
        onReady(loop.readiness)
        try loop.run(until: stop)
        do {
            try store.close()
        } catch {
            throw StageFailure(error.description, exitCode: .ioError)
        }
    }
}
