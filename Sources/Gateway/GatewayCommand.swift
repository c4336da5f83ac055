internal import ArgumentParser
internal import Foundation
internal import Logging
internal import Messages
internal import ServiceLifecycle
internal import Settings
internal import Stage
internal import Status

/// `posebus-gateway`: the results where people use them, over HTTP and WebSocket.
@main
struct GatewayCommand: ConfiguredCommand {
    static let stage = StageKind.gateway
    static let configuration = CommandConfiguration(
        commandName: "posebus-gateway",
        abstract: "Serve live and stored results, the viewer and the HTTP API.",
        discussion: """
            A client of the bus like any other, on whatever machine: it follows the sink's results, asks it for what is \
            stored, and feeds ingest with what is posted. Prints one line when it is ready. SIGTERM ends what is under \
            way and exits with 0.
            """,
        version: Release.version)

    @OptionGroup var options: GatewayOptions

    /// Whose certificate it shows: its own, or that of whoever runs a whole pipeline on this machine.
    private var keyName: String {
        let isThere = { (name: String) in
            FileManager.default.fileExists(atPath: "\(options.security.keys ?? ".")/\(name).cert_secret")
        }
        return !isThere("gateway") && isThere("posebus") ? "posebus" : "gateway"
    }

    func run() async throws {
        if let address = options.address {
            try options.health.check(.gateway, at: StatusAddress(host: address.host, port: address.port))
        }
        let logger = options.logging.makeLogger(label: "posebus-gateway")
        var configuration = try options.bus.configuration()
        configuration.http = try options.web.configuration()
        if let address = options.address { (configuration.http.host, configuration.http.port) = address }
        configuration.security = try options.security.security(for: keyName, log: { logger.warning("\($0)") })

        let watchdog = options.liveness.startWatchdog(logger: logger)
        let services: GatewayServices
        do {
            services = try GatewayServices(configuration, logger: logger, watchdog: watchdog)
        } catch let failure as StageFailure {
            throw failure.reported(by: "posebus-gateway")
        }
        let server = HTTPServer(configuration.http, services, logger: logger) { [status = services.status] address in
            status.setReady()
            Readiness(stage: "posebus-gateway", endpoints: [("http", address)]).announce()
        }
        try await runStage("posebus-gateway", logger: logger, services.threads + [server])
    }
}
