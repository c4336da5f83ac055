internal import NIOCore
internal import NIOHTTP1

/// Answers the one request of a connection: whoever sends many and reads no answer then holds nothing.
final class StatusHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let status: StageStatus
    /// How long everything together may take.
    private let time: TimeAmount
    private var request: HTTPRequestHead?
    private var isAnswered = false
    private var deadline: Scheduled<Void>?

    init(_ status: StageStatus, time: TimeAmount) {
        self.status = status
        self.time = time
    }

    func channelActive(context: ChannelHandlerContext) {
        let box = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: time) { box.value.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): request = head
        case .body: if let request { send(StatusAnswer(error: 413, "Send no body."), to: request, context) }
        case .end: if let request { answer(request, context) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard head.method == .GET || head.method == .HEAD else {
            return send(StatusAnswer(error: 405, "Nothing can be changed here; send GET."), to: head, context)
        }
        let answer =
            status.answer(path: head.uri)
            ?? StatusAnswer(error: 404, "Nothing is here. There are /metrics, /livez, /readyz and /healthz.")
        send(answer, to: head, context)
    }

    private func send(_ answer: StatusAnswer, to request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard !isAnswered else { return }
        isAnswered = true
        let body = ByteBuffer(string: answer.body)
        var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status))
        head.headers = [
            "Content-Type": answer.contentType, "Content-Length": "\(body.readableBytes)", "Cache-Control": "no-store",
            "Connection": "close",
        ]
        if answer.status == 405 { head.headers.add(name: "Allow", value: "GET, HEAD") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let box = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in box.value.close(promise: nil) }
    }
}

/// All connections of a server, on its event loop.
final class StatusConnections {
    private let limit: Int
    /// In the order in which they came.
    private var channels: [any Channel] = []

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes a connection in. Where there are too many, the first that came goes.
    func admit(_ channel: any Channel) {
        if channels.count >= limit { channels.removeFirst().close(promise: nil) }
        channels.append(channel)
        let box = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.closeFuture.whenComplete { _ in box.value.channels.removeAll { $0 === channel } }
    }
}
