internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// What is live, as server-sent events; and why a WebSocket was not opened.
struct EventRoutes: RouteTopic {
    let services: GatewayServices
    let policy: AccessPolicy

    func add(to routes: Routes) {
        let (services, policy, hub) = (services, policy, services.hub)
        routes.get("/v1/events") { request, context in
            let streams = request.uri.queryParameters.filter { $0.key == "stream" && !$0.value.isEmpty }.map {
                String($0.value)
            }
            guard streams.count <= LiveRequest.maxStreams else {
                throw APIError(.badRequest, "At most \(LiveRequest.maxStreams) streams can be named.")
            }
            let position = try request.headers[.lastEventID].map(EventPosition.init)
            let events = EventStream(
                services.hub, services.archive, streams: streams.isEmpty ? nil : Set(streams), after: position)
            let channel = context.channel
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
                body: ResponseBody { writer in
                    // What is live is worth nothing to who does not read it.
                    channel.pipeline.fireUserInboundEventTriggered(
                        StallPatience(patience: .seconds(5), cutOff: hub.cutOff))
                    try await events.run(into: &writer)
                    try await writer.finish(nil)
                })
        }
        routes.get(WebSocketUpgrade.path) { request, _ in
            if let origin = request.headers[.origin], !policy.allows(origin: origin, host: request.head.authority) {
                throw AccessMiddleware.foreign(origin)
            }
            var error = APIError(
                .upgradeRequired,
                "A WebSocket is served here (version 13), on a connection's first request, with at most 256 streams named."
            )
            error.headers[.upgrade] = "websocket"
            throw error
        }
    }
}

extension HTTPField.Name {
    static let lastEventID = Self("Last-Event-ID")!
}
