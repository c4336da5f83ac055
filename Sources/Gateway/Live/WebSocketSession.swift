internal import Foundation
internal import Metering
internal import NIOCore
internal import NIOWebSocket
internal import Settings

/// One WebSocket at /v1/live: sends what is live, takes the client's wishes, and keeps to RFC 6455. Lives on its event loop.
final class WebSocketSession: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// What a client may do, and for how long it may do nothing.
    struct Limits: Sendable {
        /// Bytes of one message, whole or in fragments.
        var messageBytes = 4096
        var messagesPerSecond = 50
        /// How often it is asked whether it is there, and how long it may say nothing at all.
        var pingInterval = TimeAmount.seconds(10)
        var silence = TimeAmount.seconds(30)
        /// How long it may take nothing of what is sent.
        var stall = TimeAmount.seconds(5)
        /// How long it may take to answer a close.
        var closing = TimeAmount.seconds(2)
    }

    private let hub: Hub
    private let limits: Limits
    private let version: String
    private let firstWishes: Reader.Wishes
    private var reader: Reader?
    private var fragments: ByteBuffer?
    private var isClosing = false
    private var heardAt = NIODeadline.now()
    private var allowance = (count: 0, until: NIODeadline.now())
    private var progress = OutboundProgress()
    private var clock: RepeatedTask?
    private var pingedAt = NIODeadline.now()

    init(_ hub: Hub, wishes: Reader.Wishes, version: String, limits: Limits = Limits()) {
        self.hub = hub
        self.limits = limits
        self.version = version
        firstWishes = wishes
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let box = NIOLoopBound((session: self, context: context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        let reader = Reader(.webSocket, firstWishes) { eventLoop.execute { box.value.session.pump(box.value.context) } }
        self.reader = reader
        send(context, .text, LiveMessages.hello(version: version))
        context.flush()
        guard hub.add(reader) else { return close(context, .goingAway, "the gateway is stopping") }
        clock = eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(500), delay: .milliseconds(500)) { _ in
            box.value.session.tick(box.value.context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { finish() }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
        context.fireChannelInactive()
    }

    private func finish() {
        clock?.cancel()
        clock = nil
        if let reader { hub.remove(reader) }
        reader = nil
    }

    // MARK: - Sending

    /// Sends what waits, as far as the client takes it.
    private func pump(_ context: ChannelHandlerContext) {
        guard let reader, !isClosing else { return }
        let wishes = reader.wishes
        var hasWritten = false
        while context.channel.isWritable {
            switch reader.take() {
            case .next(.item(.outcome(let outcome))):
                send(context, .binary, outcome.message(frames: wishes.frames, meshes: wishes.meshes))
            case .next(.item(.session(_, let json))), .next(.item(.status(let json))):
                send(context, .text, json)
            case .next(.skipped(let stream, let count)):
                send(context, .text, LiveMessages.skipped(stream: stream, count: count))
            case .nothing:
                if hasWritten { context.flush() }
                return
            case .end:
                return close(context, .goingAway, "the gateway is stopping")
            }
            hasWritten = true
        }
        if hasWritten { context.flush() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { pump(context) }
        context.fireChannelWritabilityChanged()
    }

    private func send(_ context: ChannelHandlerContext, _ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        context.write(wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: data)), promise: nil)
    }

    private func tick(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        if progress.isStalled(context.channel, for: limits.stall, at: now) {
            hub.cutOff.add()
            // It takes nothing, so it would not take the farewell either.
            close(context, .unknown(1013), "nothing was taken for \(limits.stall.nanoseconds / 1_000_000_000) s")
            context.channel.reset()
        } else if now - heardAt > limits.silence {
            close(context, .policyViolation, "nothing was heard, not even an answer to a ping")
        } else if now - pingedAt > limits.pingInterval, !isClosing {
            pingedAt = now
            send(context, .ping, ByteBuffer())
            context.flush()
        }
    }

    // MARK: - Closing

    private func close(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode, _ reason: String) {
        guard !isClosing else { return }
        isClosing = true
        if let reader { hub.remove(reader) }
        var data = ByteBuffer()
        data.write(webSocketErrorCode: code)
        data.writeString(reason)
        send(context, .connectionClose, data)
        context.flush()
        let box = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: limits.closing) { box.value.close(promise: nil) }
    }

    /// Answers a client's close, or takes its answer to ours.
    private func closed(_ context: ChannelHandlerContext, _ frame: WebSocketFrame) {
        guard !isClosing else { return context.close(promise: nil) }
        var data = frame.unmaskedData
        let code = data.readInteger(as: UInt16.self)
        let isValid =
            data.readableBytes == 0 && code == nil && frame.length == 0
            || code.map { (1000...1003).contains($0) || (1007...1014).contains($0) || (3000...4999).contains($0) }
                == true
                && String(validating: data.readableBytesView, as: UTF8.self) != nil
        close(context, isValid ? .normalClosure : .protocolError, "")
        let box = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(100)) { box.value.close(promise: nil) }
    }

    // MARK: - Receiving

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        heardAt = .now()
        if isClosing {
            if frame.opcode == .connectionClose { context.close(promise: nil) }
            return
        }
        guard frame.maskKey != nil else { return close(context, .protocolError, "a client's frames are masked") }
        guard frame.reservedBits.isEmpty else { return close(context, .protocolError, "no extension was agreed on") }
        guard isWithinRate() else {
            return close(context, .policyViolation, "more than \(limits.messagesPerSecond) messages a second")
        }
        switch frame.opcode {
        case .connectionClose: closed(context, frame)
        case .ping:
            send(context, .pong, frame.unmaskedData)
            context.flush()
        case .pong: break
        case .text where fragments == nil, .continuation where fragments != nil: assemble(context, frame)
        case .binary where fragments == nil: close(context, .unacceptableData, "only text is understood here")
        default: close(context, .protocolError, "this frame does not belong here")
        }
    }

    private func assemble(_ context: ChannelHandlerContext, _ frame: WebSocketFrame) {
        var message = fragments ?? ByteBuffer()
        var data = frame.unmaskedData
        message.writeBuffer(&data)
        guard message.readableBytes <= limits.messageBytes else {
            return close(context, .messageTooLarge, "a message has at most \(limits.messageBytes) bytes")
        }
        guard frame.fin else {
            fragments = message
            return
        }
        fragments = nil
        guard String(validating: message.readableBytesView, as: UTF8.self) != nil else {
            return close(context, .dataInconsistentWithMessage, "this is no UTF-8")
        }
        guard let reader, let request = LiveRequest(message) else {
            return close(context, .policyViolation, "no wish can be read from this")
        }
        let wishes = request.applied(to: reader.wishes)
        guard wishes.streams?.count ?? 0 <= LiveRequest.maxStreams else {
            return close(context, .policyViolation, "at most \(LiveRequest.maxStreams) streams can be named")
        }
        reader.change(wishes)
        hub.wishesChanged()
    }

    private func isWithinRate() -> Bool {
        let now = NIODeadline.now()
        if now > allowance.until { allowance = (0, now + .seconds(1)) }
        allowance.count += 1
        return allowance.count <= limits.messagesPerSecond
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error as? NIOWebSocketError {
        case .invalidFrameLength:
            close(context, .messageTooLarge, "a message has at most \(limits.messageBytes) bytes")
        case .fragmentedControlFrame, .multiByteControlFrameLength:
            close(context, .protocolError, "a control frame is whole and has at most 125 bytes")
        case nil: context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { return close(context, .goingAway, "the gateway is stopping") }
        if let event = event as? ChannelEvent, event == .inputClosed { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}

/// Whether a peer takes what is sent to it.
struct OutboundProgress {
    private var waiting = 0
    private var since = NIODeadline.now()

    /// Whether something waits to be sent, and nothing of it was taken for so long. Look often: it sees only differences.
    mutating func isStalled(_ channel: any Channel, for patience: TimeAmount, at now: NIODeadline) -> Bool {
        let buffered = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        if buffered == 0 || buffered != waiting { (waiting, since) = (buffered, now) }
        return now - since > patience
    }
}
