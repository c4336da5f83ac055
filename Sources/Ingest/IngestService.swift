package import Logging
package import ServiceLifecycle
package import Stage
internal import ZeroMQ

/// Ingest as a service: one thread that owns all its sockets.
///
/// - Parameters:
///   - onReady: called on that thread once everything is bound; by default the readiness line is written.
///   - onEnd: called on that thread with the final counters.
package func ingestService(
    _ configuration: IngestConfiguration, logger: Logger,
    onReady: @escaping @Sendable (Readiness) -> Void = { $0.announce() },
    onEnd: @escaping @Sendable (Counters) -> Void = { _ in }
) -> some Service {
    ThreadService(named: "ingest") { stop in
        let loop = try IngestLoop(configuration, logger: logger, context: try Context())
        onReady(loop.readiness)
        defer { onEnd(loop.counters) }
        try loop.run(until: stop)
    }
}
