internal import Messages
internal import Security
internal import ZeroMQ

/// Publishes the JPEG of each accepted frame, while somebody subscribes. Owned by ingest's thread.
///
/// `[preview/<stream>][frame header][JPEG]`. A slow viewer misses frames: nothing waits for it.
struct Preview {
    let socket: Socket
    private let token: Poller.Token
    private let poller: Poller
    private var prefixes: Set<String> = []

    init(_ configuration: IngestConfiguration, context: Context, poller: Poller) throws {
        self.poller = poller
        var options = configuration.sockets
        // A fast file comes in bursts of a window; the payloads are shared with it, so that room here costs little.
        options.sendHighWaterMark = 64
        options.maxMessageSize = 4096
        options.accepts = .subscribers
        options.reportsEverySubscription = false  // only the first and the last of a topic matter here
        socket = try Socket(.extendedPublish, in: context, options: options)
        token = poller.watch(socket)
        try Inputs.bind(socket, configuration.previewEndpoint, option: "--bind-preview")
    }

    /// Reads subscriptions that came or went.
    ///
    /// - Returns: whether any did, so that streams have to ask `isWatched` again.
    mutating func readSubscriptions() throws -> Bool {
        guard poller.isReadable(token) else { return false }
        var changed = false
        while let received = try socket.receive() {
            guard case .parts(let parts) = received, let bytes = parts.first?.bytes, let action = bytes.first else {
                continue
            }
            guard let prefix = String(validating: bytes.dropFirst(), as: UTF8.self) else { continue }
            switch action {
            case 1:
                guard prefixes.count < 1024 else { continue }
                prefixes.insert(prefix)
            case 0: prefixes.remove(prefix)
            default: continue
            }
            changed = true
        }
        return changed
    }

    /// Whether somebody wants to see this stream.
    func isWatched(_ stream: StreamName) -> Bool {
        guard !prefixes.isEmpty else { return false }
        let topic = Topic.preview + stream.description
        return prefixes.contains { topic.hasPrefix($0) }
    }

    /// Publishes one frame.
    func publish(_ header: FrameHeader, jpeg: Message, topic: Message) throws {
        var header = header
        header.payload = .jpeg
        _ = try socket.send([topic, Message(header.wireBytes()), jpeg])
    }
}
