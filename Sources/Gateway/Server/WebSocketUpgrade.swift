internal import Foundation
internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// Decides which requests become a WebSocket. Whoever is not let in goes on as a request, and is answered why.
struct WebSocketUpgrade: Sendable {
    static let path = "/v1/live"

    let policy: AccessPolicy
    let hub: Hub
    let version: String

    var upgrader: NIOTypedWebSocketServerUpgrader<GatewayChannel.Role> {
        let (hub, version) = (hub, version)
        return NIOTypedWebSocketServerUpgrader(
            maxFrameSize: WebSocketSession.Limits().messageBytes, enableAutomaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeSucceededFuture([:])
        } upgradePipelineHandler: { channel, head in
            channel.eventLoop.makeCompletedFuture {
                let wishes = Self.wishes(of: head) ?? Reader.Wishes()
                try channel.pipeline.syncOperations.addHandler(WebSocketSession(hub, wishes: wishes, version: version))
                return .webSocket
            }
        }
    }

    /// Whether this request becomes a WebSocket. It is asked before NIO's own handler sees the request, which takes a
    /// refused one for the end of the connection.
    func accepts(_ head: HTTPRequestHead) -> Bool {
        func has(_ name: String, _ value: String) -> Bool {
            head.headers[canonicalForm: name].contains { $0.lowercased() == value }
        }
        return head.method == .GET && has("Upgrade", "websocket") && has("Connection", "upgrade")
            && head.headers["Sec-WebSocket-Version"] == ["13"]
            && head.headers["Sec-WebSocket-Key"].map { $0.utf8.count } == [24]
            && !head.headers.contains(name: "Content-Length") && !head.headers.contains(name: "Transfer-Encoding")
            && Self.wishes(of: head) != nil && Self.admits(head, policy)
    }

    private static func admits(_ head: HTTPRequestHead, _ policy: AccessPolicy) -> Bool {
        let host = head.headers.first(name: "Host")
        return policy.knows(host: host)
            && policy.allows(origin: head.headers.first(name: "Origin"), host: host)
            && policy.admits(
                authorization: head.headers.first(name: "Authorization"), query: Array(URI(head.uri).queryParameters))
    }

    /// What a reader asks for in the request's query; nil where this is not the place, or too much is named.
    private static func wishes(of head: HTTPRequestHead) -> Reader.Wishes? {
        let uri = URI(head.uri)
        guard uri.path == path else { return nil }
        return Reader.Wishes(query: uri.queryParameters.map { (String($0.key), String($0.value)) })
    }
}

extension Reader.Wishes {
    /// Reads `stream=A&stream=B&frames=1&meshes=0`; nil where more streams are named than one reader may.
    init?(query: [(String, String)]) {
        let named = query.filter { $0.0 == "stream" && !$0.1.isEmpty }.map(\.1)
        guard named.count <= LiveRequest.maxStreams else { return nil }
        func isOn(_ key: String) -> Bool { query.contains { $0.0 == key && ["1", "true"].contains($0.1) } }
        self.init(streams: named.isEmpty ? nil : Set(named), frames: isOn("frames"), meshes: isOn("meshes"))
    }
}
