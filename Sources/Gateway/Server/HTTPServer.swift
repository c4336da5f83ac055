internal import Foundation
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Settings
internal import Stage

/// Serves HTTP until the process is told to stop.
struct HTTPServer: Service {
    private let configuration: HTTPConfiguration
    private let services: GatewayServices
    private let logger: Logger
    private let onReady: @Sendable (String) -> Void

    /// A server.
    ///
    /// - Parameter onReady: called once it listens, with its address: `http://127.0.0.1:5000`.
    init(
        _ configuration: HTTPConfiguration, _ services: GatewayServices, logger: Logger,
        onReady: @escaping @Sendable (String) -> Void
    ) {
        self.configuration = configuration
        self.services = services
        self.logger = logger
        self.onReady = onReady
    }

    func run() async throws {
        var quiet = Logger(label: "posebus-gateway.http")
        quiet.logLevel = max(logger.logLevel, .warning)
        let (configuration, hub, onReady) = (configuration, services.hub, onReady)
        let connections = Connections(limit: configuration.limits.connections)
        let webSockets = WebSocketUpgrade(
            policy: AccessPolicy(configuration), hub: hub, version: Release.version)
        let group = MultiThreadedEventLoopGroup.singleton
        let application = Application(
            responder: GatewayRouter.responder(configuration, services),
            server: HTTPServerBuilder { responder in
                GatewayChannel(
                    responder: responder, limits: configuration.limits, connections: connections,
                    webSockets: webSockets)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: "PoseBus"),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? configuration.port
                let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
                onReady("http://\(host):\(port)")
            },
            eventLoopGroupProvider: .shared(group), logger: quiet)
        do {
            try await withGracefulShutdownHandler {
                try await application.run()
            } onGracefulShutdown: {
                hub.close()
                group.next().scheduleTask(in: TimeAmount(configuration.limits.stopTime)) { connections.closeAll() }
            }
        } catch let error as IOError {
            throw StageFailure(
                """
                cannot listen at \(configuration.host):\(configuration.port): \(error.localizedDescription). \
                Choose another address with --bind-http.
                """, exitCode: .unavailable)
        }
    }
}
