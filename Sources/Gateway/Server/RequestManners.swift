internal import HTTPTypes
internal import HummingbirdCore
internal import Metering
internal import NIOCore
internal import NIOHTTPTypes
internal import Settings

/// A reader of an answer is to be cut off sooner than others: a stream that is only worth something while it is live.
struct StallPatience: Sendable {
    let patience: TimeAmount
    /// Where it is counted then.
    let cutOff: Counter
}

/// Keeps one connection's requests within time: bodies that come too slowly, answers that nobody takes, and what is left of a
/// request that was refused.
final class RequestManners: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: HTTPLimits
    private let connections: Connections
    /// Since when a body is coming, and how much of it has.
    private var body: (since: NIODeadline, bytes: Int)?
    private var isAnswering = false
    private var closesAfterAnswer = false
    /// Nothing that comes or is to be sent counts any more.
    private var isOver = false
    private var progress = OutboundProgress()
    private var patience: TimeAmount
    /// Where a reader of what is live is counted that takes nothing; nil where the answer is something else.
    private var cutOff: Counter?
    private var clock: RepeatedTask?

    init(_ limits: HTTPLimits, _ connections: Connections) {
        self.limits = limits
        self.connections = connections
        patience = TimeAmount(limits.stallTime)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let box = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        clock = context.eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(500), delay: .milliseconds(500)) {
            _ in
            box.value.handler.tick(box.value.context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { clock?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        clock?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            connections.note(context.channel, isIdle: false)
            body = (.now(), 0)
            if head.headerFields[.expect]?.lowercased() == "100-continue", !exceedsEverything(head) {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        case .body(let part):
            body?.bytes += part.readableBytes
            guard body?.bytes ?? 0 <= max(limits.videoBytes, limits.bodyBytes) else {
                return context.close(promise: nil)
            }
        case .end: body = nil
        }
        context.fireChannelRead(data)
    }

    private func exceedsEverything(_ head: HTTPRequest) -> Bool {
        let length = head.headerFields[.contentLength].flatMap { Int($0) } ?? 0
        return length > max(limits.videoBytes, limits.bodyBytes)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isOver else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            guard head.status.kind != .informational else { break }
            isAnswering = true
            closesAfterAnswer = head.headerFields[.connection]?.lowercased() == "close"
        case .body: break
        case .end:
            isAnswering = false
            if closesAfterAnswer {
                context.writeAndFlush(data, promise: promise)
                return leave(context)
            }
            connections.note(context.channel, isIdle: true)
        }
        context.write(data, promise: promise)
    }

    /// Ends the connection such that the answer still arrives although more of the request is on its way.
    private func leave(_ context: ChannelHandlerContext) {
        isOver = true
        context.close(mode: .output, promise: nil)
        let box = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .seconds(1)) { box.value.close(promise: nil) }
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isOver { context.read() }
        context.fireChannelReadComplete()
    }

    private func tick(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        if let body, !isOver {
            let granted = limits.bodyTime + .seconds(body.bytes / limits.bodyBytesPerSecond)
            if now - body.since > TimeAmount(granted) { return giveUp(context) }
        }
        if progress.isStalled(context.channel, for: patience, at: now) {
            cutOff?.add()
            context.channel.reset()
        }
    }

    private func giveUp(_ context: ChannelHandlerContext) {
        guard !isAnswering else { return context.close(promise: nil) }
        let error = APIError(.requestTimeout, "The body came too slowly, or not at all.")
        context.write(wrapOutboundOut(.head(error.response.head)), promise: nil)
        context.write(wrapOutboundOut(.body(error.body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        leave(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? StallPatience { (patience, cutOff) = (event.patience, event.cutOff) }
        if isOver, let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
