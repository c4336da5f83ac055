internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import ServiceLifecycle
package import Stage

/// Serves a stage's status over HTTP/1.1, on a thread of its own: it answers although every other thread is stuck.
///
/// Few connections, one short request each without a body, and a time limit for everything: whoever asks for a status is a probe,
/// Prometheus or a person.
package struct StatusServer: Service {
    /// What requests and connections may cost.
    package struct Limits: Sendable {
        /// Connections at once; one more cuts off the one that has waited longest.
        package var connections = 32
        /// Bytes of a request.
        package var requestBytes = 8 << 10
        /// How long a connection may last, from its beginning until its answer is taken.
        package var time = Duration.seconds(30)

        package init() {}
    }

    /// Where it listens, with the port it got.
    package let address: StatusAddress
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup

    /// Binds.
    ///
    /// - Throws: `StageFailure` where the address cannot be had.
    package init(_ status: StageStatus, at place: (host: String, port: Int), limits: Limits = Limits()) async throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let connections = NIOLoopBoundBox.makeBoxSendingValue(
            StatusConnections(limit: limits.connections), eventLoop: group.next())
        do {
            channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 16)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        connections.value.admit(channel)
                        try Self.addHandlers(to: channel, status, limits)
                    }
                }
                .bind(host: place.host, port: place.port).get()
        } catch {
            try? await group.shutdownGracefully()
            let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
            throw StageFailure(
                """
                cannot serve the status at \(place.host):\(place.port): \(reason). Another \(status.kind.program) may be \
                running; choose another address with --status HOST:PORT, or do without with --status none.
                """, exitCode: .unavailable)
        }
        address = StatusAddress(host: place.host, port: channel.localAddress?.port ?? place.port)
    }

    private static func addHandlers(to channel: any Channel, _ status: StageStatus, _ limits: Limits) throws {
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = limits.requestBytes
        decoding.maxHeaderListSize = limits.requestBytes
        decoding.maxHeaderFieldCount = 64
        try channel.pipeline.syncOperations.addHandlers(
            HTTPResponseEncoder(), ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: decoding)),
            HTTPServerProtocolErrorHandler(),
            StatusHandler(status, time: .nanoseconds(Int64(limits.time / .nanoseconds(1)))))
    }

    package func run() async throws {
        // Cancelled where another service failed: then it ends as well.
        try? await gracefulShutdown()
        await stop()
    }

    package func stop() async {
        try? await channel.close()
        try? await group.shutdownGracefully()
    }
}
