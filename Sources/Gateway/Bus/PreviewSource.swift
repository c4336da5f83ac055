internal import Messages
internal import Security
internal import ZeroMQ

/// The pictures that one ingest publishes, of the streams that somebody looks at. Owned by the bus thread.
final class PreviewSource {
    private let connector: Connector
    private var prefixes: Set<String> = []

    init(_ endpoint: String, in context: Context) throws(ZeroMQError) {
        var options = SocketOptions()
        options.receiveHighWaterMark = 256
        options.server = .ingest
        // Its queue may fill, and then heartbeats would do harm: see SocketOptions.
        options.heartbeatInterval = nil
        connector = try Connector(.subscribe, to: endpoint, in: context, options: options)
    }

    func watch(with poller: Poller) { _ = connector.watch(with: poller) }

    /// Asks for these streams and no others; nil for all.
    func want(_ streams: Set<String>?) throws(ZeroMQError) {
        let wanted = streams.map { Set($0.map { Topic.preview + $0 }) } ?? [Topic.preview]
        for prefix in wanted.subtracting(prefixes) { try connector.socket.subscribe(prefix) }
        for prefix in prefixes.subtracting(wanted) { try connector.socket.unsubscribe(prefix) }
        prefixes = wanted
    }

    /// Hands on every picture that has come. Of a message that cannot be read nothing is known, and nothing is lost: a
    /// viewer sees one picture less.
    func drain(_ take: (FrameHeader, Message) -> Void) throws(ZeroMQError) {
        _ = try connector.changes()
        while case .parts(let parts)? = try connector.socket.receive(maxParts: 3) {
            guard parts.count == 3, let header = try? FrameHeader(wire: parts[1].bytes) else { continue }
            take(header, parts[2])
        }
    }
}
