package import Logging

/// What the routes work with. Each topic of the API takes from it what it needs.
package struct GatewayServices: Sendable {
    package let configuration: GatewayConfiguration
    package let logger: Logger

    package init(configuration: GatewayConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }
}

/// One topic of the API: it adds its routes. `GatewayRouter` lists all topics.
package protocol RouteTopic: Sendable {
    /// Adds the routes.
    func add(to routes: Routes)
}
