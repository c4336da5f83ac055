internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// All routes, and what every request goes through on its way to one.
enum GatewayRouter {
    /// The topics of the API. Whoever adds one adds it here.
    static func topics(_ services: GatewayServices) -> [any RouteTopic] {
        [
            StatusRoutes(services: services),
            SessionRoutes(services: services),
            ExportRoutes(services: services),
            FrameRoutes(services: services),
            EventRoutes(services: services, policy: AccessPolicy(services.configuration.http)),
            JobRoutes(services: services),
            LegacyRoutes(services: LegacyServices(services)),
            OpenAPIRoutes(),
        ]
    }

    static func responder(
        _ configuration: HTTPConfiguration, _ services: GatewayServices
    ) -> RouterResponder<GatewayContext> {
        let routes = Routes()
        let policy = AccessPolicy(configuration)
        routes.router.add(middleware: MeteringMiddleware(metrics: services.metrics))
        routes.router.add(middleware: ErrorMiddleware(policy: policy))
        routes.router.add(middleware: AccessMiddleware(policy: policy))
        for (path, folder) in [
            ("/viewer", configuration.viewer), ("/client", configuration.client), ("/three", configuration.three),
        ] {
            guard let folder else { continue }
            routes.router.add(
                middleware: FileMiddleware(
                    folder.path, urlBasePath: path,
                    // Asked for every time, so that a new release is seen; answered with 304 where nothing changed.
                    cacheControl: CacheControl([(MediaType(type: .any), [CacheControl.CacheControlValue.noCache])]),
                    searchForIndexHtml: true, logger: services.logger))
        }
        for path in ["/", "/viewer"] {
            routes.get(path) { request, _ in
                // The router takes /viewer/ for /viewer; the files are behind it.
                guard request.uri.path == path else { throw HTTPError(.notFound) }
                return Response.redirect(to: "/viewer/" + (request.uri.query.map { "?\($0)" } ?? ""), type: .temporary)
            }
        }
        for topic in topics(services) { topic.add(to: routes) }
        routes.refuseOtherMethods()
        return routes.router.buildResponder()
    }
}
