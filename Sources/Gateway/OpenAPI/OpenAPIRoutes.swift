internal import Foundation
internal import Hummingbird
internal import NIOCore

/// The description of this API, for people and for programs that generate clients.
struct OpenAPIRoutes: RouteTopic {
    func add(to routes: Routes) {
        let document = ByteBuffer(bytes: PackageResources.openapi_json)
        routes.get("/v1/openapi.json") { _, _ in Response.data(document, type: "application/json") }
    }
}
