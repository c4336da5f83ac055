internal import Foundation
package import HTTPTypes
package import Hummingbird
internal import NIOCore

/// The context of a request.
package struct GatewayContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The connection it came over.
    let channel: any Channel

    package init(source: ApplicationRequestContextSource) {
        channel = source.channel
        coreContext = CoreRequestContextStorage(source: source)
    }
}

/// Where topics add their routes.
package final class Routes {
    package typealias Handler = @Sendable (Request, GatewayContext) async throws -> Response

    let router = Router(context: GatewayContext.self, options: .autoGenerateHeadEndpoints)
    private var methods: [String: [HTTPRequest.Method]] = [:]

    init() {}

    /// Adds a route. Names in the path begin with a colon: `/v1/sessions/:session`.
    package func on(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        methods[path, default: []].append(method)
        router.on(RouterPath(path), method: method) { request, context in try await handler(request, context) }
    }

    package func get(_ path: String, _ handler: @escaping Handler) { on(.get, path, handler) }
    package func post(_ path: String, _ handler: @escaping Handler) { on(.post, path, handler) }
    package func delete(_ path: String, _ handler: @escaping Handler) { on(.delete, path, handler) }

    /// Says of every known path which methods it has; once all routes are added.
    func refuseOtherMethods() {
        let all: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options, .trace]
        for (path, known) in methods {
            let known = known.contains(.get) ? known + [.head] : known
            let allow = known.map(\.rawValue).sorted().joined(separator: ", ")
            for method in all where !known.contains(method) {
                router.on(RouterPath(path), method: method) { request, _ -> Response in
                    var error = APIError(
                        .methodNotAllowed, "\(request.uri.path) does not know \(request.method), only \(allow).")
                    error.headers[.allow] = allow
                    throw error
                }
            }
        }
    }
}

extension GatewayContext {
    /// A name out of the path, with its escapes resolved.
    package func name(_ key: String) throws -> String {
        guard let name = try parameters.require(key).removingPercentEncoding else {
            throw APIError(.badRequest, "The path holds an escape that is no UTF-8.")
        }
        return name
    }
}
