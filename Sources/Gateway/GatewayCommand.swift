internal import ArgumentParser
internal import Foundation
internal import Logging
internal import Messages
internal import ServiceLifecycle
internal import Stage
internal import Status

/// `posebus-gateway`: the results where people use them, over HTTP and WebSocket.
@main
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posebus-gateway",
        abstract: "Serve live and stored results, the viewer and the HTTP API.",
        discussion: """
            A client of the bus like any other, on whatever machine: it follows the sink's results, asks it for what is \
            stored, and feeds ingest with what is posted. Prints one line when it is ready. SIGTERM ends what is under \
            way and exits with 0.
            """,
        version: Release.version)

    @Option(help: "Address to serve HTTP at, HOST:PORT or as a URL; port 0 takes a free one.")
    var bindHttp = "127.0.0.1:5000"

    @OptionGroup(title: "The pipeline") var bus: BusOptions
    @OptionGroup(title: "HTTP") var web: WebOptions
    @OptionGroup(title: "Security") var security: SecurityOptions
    @OptionGroup var liveness: LivenessOptions
    @OptionGroup(title: "Status") var health: HealthCheckOption
    @OptionGroup var logging: LoggingOptions

    func validate() throws {
        guard address != nil else {
            throw ValidationError("--bind-http \(bindHttp): HOST:PORT is expected, such as 127.0.0.1:5000")
        }
        guard let host = address?.host, HostName.isLoopback(host) || web.apiKeys != nil || web.anyoneMayConnect else {
            throw ValidationError(
                """
                --bind-http \(bindHttp): other machines can reach this address, and whoever reaches it could watch the \
                cameras and feed frames. Give keys with --api-keys FILE, or say --anyone-may-connect where the network \
                itself keeps strangers out
                """)
        }
    }

    private var address: (host: String, port: Int)? {
        // As a URL it stands in the line that says where it is: a restart gives that back.
        let text = bindHttp.trimmingPrefix("http://").prefix { $0 != "/" }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        let host = text[..<colon].trimmingCharacters(in: ["[", "]"])
        return host.isEmpty ? nil : (host, Int(port))
    }

    /// Whose certificate it shows: its own, or that of whoever runs a whole pipeline on this machine.
    private var keyName: String {
        let isThere = { (name: String) in
            FileManager.default.fileExists(atPath: "\(security.keys ?? ".")/\(name).cert_secret")
        }
        return !isThere("gateway") && isThere("posebus") ? "posebus" : "gateway"
    }

    func run() async throws {
        if let address { try health.check(.gateway, at: StatusAddress(host: address.host, port: address.port)) }
        let logger = logging.makeLogger(label: "posebus-gateway")
        var configuration = try bus.configuration()
        configuration.http = try web.configuration()
        if let address { (configuration.http.host, configuration.http.port) = address }
        configuration.security = try security.security(for: keyName, log: { logger.warning("\($0)") })

        let watchdog = liveness.startWatchdog(logger: logger)
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
