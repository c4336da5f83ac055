package import Logging
internal import Security
package import ServiceLifecycle
package import Stage
package import Status
internal import ZeroMQ

/// Ingest as a service: one thread that owns all its sockets.
package func ingestService(
    _ configuration: IngestConfiguration, logger: Logger, pulse: Watchdog.Pulse? = nil, status: RunningStatus
) -> some Service {
    ThreadService(named: "ingest") { stop in
        _ = try runIngest(
            configuration, logger: logger, pulse: pulse, status: status.status, until: stop, onReady: status.announce)
    }
}

/// Runs ingest on the calling thread until `stop` is given and what is unacknowledged is acknowledged, or the time
/// for that is up.
///
/// - Parameters:
///   - pulse: told each time the loop has gone round.
///   - status: told what it does.
///   - onReady: called once everything is bound, with the endpoints.
/// - Returns: what it did.
/// - Throws: `StageFailure` where an endpoint cannot be had.
package func runIngest(
    _ configuration: IngestConfiguration, logger: Logger, pulse: Watchdog.Pulse? = nil,
    status: StageStatus = StageStatus(.ingest), until stop: StopSignal, onReady: (Readiness) -> Void
) throws -> Counters {
    let loop = try IngestLoop(
        configuration, logger: logger, pulse: pulse, status: status,
        context: try Context(access: configuration.security.access))
    onReady(loop.readiness)
    defer { pulse?.rest() }
    try loop.run(until: stop)
    return loop.counters
}
