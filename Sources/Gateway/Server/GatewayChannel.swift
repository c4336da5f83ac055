internal import Glibc
internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1
internal import NIOPosix
internal import NIOWebSocket
internal import Settings

/// One connection: HTTP/1.1, until its first request asks for a WebSocket.
struct GatewayChannel: ServerChildChannel, HTTPChannelHandler {
    /// What a connection has become.
    enum Role: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        /// Its handlers do everything.
        case webSocket
        /// It was one too many.
        case refused
    }

    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let role: EventLoopFuture<Role>
    }

    let responder: Responder
    let limits: HTTPLimits
    let connections: Connections
    let webSockets: WebSocketUpgrade

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        guard connections.admit(channel) else {
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Refusal())
                return Value(channel: channel, role: channel.eventLoop.makeSucceededFuture(.refused))
            }
        }
        return channel.eventLoop.makeCompletedFuture {
            let role = try addHandlers(to: channel, logger)
            // Whoever does not get a request together in time goes. A later one has `idleTime`.
            let waiting = channel.eventLoop.scheduleTask(in: TimeAmount(limits.headerTime)) {
                PlainAnswer.send("408 Request Timeout", "No request came in time.", on: channel)
            }
            role.whenComplete { _ in
                waiting.cancel()
                connections.note(channel, isIdle: false)
            }
            return Value(channel: channel, role: role)
        }
    }

    private func addHandlers(to channel: any Channel, _ logger: Logger) throws -> EventLoopFuture<Role> {
        let pipeline = channel.pipeline.syncOperations
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = limits.headerBytes
        decoding.maxHeaderListSize = limits.headerBytes
        decoding.maxHeaderFieldCount = 100
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoding))
        let first = FirstRequest(webSockets)
        let (limits, connections) = (limits, connections)
        let upgrade = NIOTypedHTTPServerUpgradeHandler<Role>(
            httpEncoder: encoder, extraHTTPHandlers: [decoder, first],
            upgradeConfiguration: .init(upgraders: [webSockets.upgrader]) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
                    try pipeline.addHandler(RequestManners(limits, connections))
                    try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: limits.idleTime, logger: logger))
                    return .http(
                        try NIOAsyncChannel(
                            wrappingChannelSynchronously: channel,
                            configuration: .init(isOutboundHalfClosureEnabled: true)))
                }
            })
        try pipeline.addHandlers(encoder, decoder, first, upgrade)
        return upgrade.upgradeResultFuture
    }

    func handle(value: Value, logger: Logger) async {
        switch try? await value.role.get() {
        case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
        case .webSocket, .refused: try? await value.channel.closeFuture.get()
        case nil: value.channel.close(promise: nil)
        }
    }

}

/// Answers to whoever is not worth a request's way through the router. The connection ends with them.
enum PlainAnswer {
    static func bytes(_ status: String, _ sentence: String) -> ByteBuffer {
        let body = #"{"error":"\#(sentence)"}"#
        return ByteBuffer(
            string: """
                HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\
                Connection: close\r\n\r\n\(body)
                """)
    }

    /// Sends one past the encoder of responses; on the event loop.
    static func send(_ status: String, _ sentence: String, on channel: any Channel) {
        let pipeline = channel.pipeline.syncOperations
        if let encoder = try? pipeline.context(handlerType: HTTPResponseEncoder.self) {
            encoder.writeAndFlush(NIOAny(bytes(status, sentence)), promise: nil)
        }
        channel.close(promise: nil)
    }
}

/// Turns a connection away that is one too many.
private final class Refusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        let answer = PlainAnswer.bytes("503 Service Unavailable", "All connections of this gateway are in use.")
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}

/// Stands before the handler that upgrades: answers what is no HTTP, as long as nothing else was answered on its connection,
/// and lets only those ask for an upgrade who will get it. The others are ordinary requests.
private final class FirstRequest: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    private let webSockets: WebSocketUpgrade
    private var hasRequest = false

    init(_ webSockets: WebSocketUpgrade) {
        self.webSockets = webSockets
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasRequest, case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        hasRequest = true
        if head.headers.contains(name: "Upgrade"), !webSockets.accepts(head) { head.headers.remove(name: "Upgrade") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !hasRequest, let error = error as? HTTPParserError else { return context.fireErrorCaught(error) }
        if error == .headerOverflow {
            PlainAnswer.send(
                "431 Request Header Fields Too Large", "The request's header is larger than this gateway takes.",
                on: context.channel)
        } else {
            PlainAnswer.send("400 Bad Request", "This is no request in HTTP/1.1.", on: context.channel)
        }
    }
}

extension Channel {
    /// Ends the connection at once, and what the system still holds of it: nobody takes it.
    func reset() {
        guard let provider = self as? any SocketOptionProvider else { return close(promise: nil) }
        provider.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in self.close(promise: nil) }
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        self = .nanoseconds(Int64(duration / .nanoseconds(1)))
    }
}
