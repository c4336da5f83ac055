internal import Hummingbird
internal import Jobs
internal import Metering

/// What the gateway tells Prometheus; docs/monitoring.md explains each.
struct GatewayMetrics: Sendable {
    let requests: MetricFamily<Counter>
    let time: Histogram

    init(_ registry: MetricsRegistry, hub: Hub, jobs: JobStore) {
        requests = registry.counters(
            "posebus_gateway_requests_total", "Requests answered over HTTP, by status code.", labels: ["status"])
        time = registry.histogram(
            "posebus_gateway_request_seconds", "Time from a request until its answer began.", .latency)
        registry.onScrape { text in
            let readers = hub.readers
            text.gauge(
                "posebus_gateway_readers", "Connections that read what is live.",
                Reader.Kind.allCases.map { (labels: [("kind", $0.rawValue)], value: Double(readers[$0] ?? 0)) })
            text.counter(
                "posebus_gateway_readers_cut_off_total", "Readers that were cut off because they took nothing.",
                [(labels: [], value: Double(hub.cutOff.value))])
            let counts = jobs.counts
            let states = [
                ("queued", counts.queued), ("processing", counts.processing), ("completed", counts.completed),
                ("failed", counts.failed), ("cancelled", counts.cancelled),
            ]
            text.gauge(
                "posebus_gateway_jobs", "Jobs that are remembered, by state.",
                states.map { (labels: [("state", $0)], value: Double($1)) })
        }
    }
}

/// Counts every request that the router answers, and how long that takes.
struct MeteringMiddleware: RouterMiddleware {
    let metrics: GatewayMetrics

    func handle(
        _ request: Request, context: GatewayContext,
        next: (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        metrics.time.observe(ContinuousClock.now - start)
        metrics.requests["\(response.status.code)"].add()
        return response
    }
}
