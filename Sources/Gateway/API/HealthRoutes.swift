internal import Hummingbird

/// Whether the gateway is alive.
struct HealthRoutes: RouteTopic {
    init(_ services: GatewayServices) {}

    func add(to routes: Routes) {
        routes.get("/healthz") { _, _ in Response.json(bytes: Array(#"{"status":"ok"}"#.utf8)) }
    }
}
