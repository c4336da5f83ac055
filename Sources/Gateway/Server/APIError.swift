internal import Foundation
package import HTTPTypes
package import Hummingbird
internal import Logging
internal import Messages
internal import NIOCore

/// What a request is answered with where it cannot be done: a status, and one sentence for a person.
package struct APIError: HTTPResponseError {
    package let status: HTTPResponse.Status
    /// What happened to what, why, and what to do.
    package let message: String
    package var headers = HTTPFields()

    package init(_ status: HTTPResponse.Status, _ message: String) {
        self.status = status
        self.message = message
    }

    package func response(from request: Request, context: some RequestContext) -> Response {
        response
    }

    /// `{"error": message}`
    var body: ByteBuffer {
        var json = JSONWriter(capacity: 64 + message.utf8.count)
        json.object { json in
            json.key("error")
            json.text(message)
        }
        return ByteBuffer(bytes: json.bytes)
    }

    var response: Response {
        var response = Response.data(body, type: "application/json", status: status)
        response.headers.append(contentsOf: headers)
        // What came of a body that was not wanted is not read to its end.
        if [.contentTooLarge, .requestTimeout].contains(status) { response.headers[.connection] = "close" }
        return response
    }
}

/// Gives every error its sentence as JSON, and every answer the headers that browsers want for safety.
struct ErrorMiddleware: RouterMiddleware {
    let policy: AccessPolicy

    func handle(
        _ request: Request, context: GatewayContext,
        next: (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        var response = try await answer(request, context, next)
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.contentSecurityPolicy] = Self.contentSecurityPolicy
        response.headers[.referrerPolicy] = "no-referrer"
        response.headers[.crossOriginOpenerPolicy] = "same-origin"
        policy.share(&response, with: request)
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        return response
    }

    private func answer(
        _ request: Request, _ context: GatewayContext, _ next: (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        do {
            let response = try await next(request, context)
            // A folder of files without its slash: there are no pages about folders.
            return response.status == .movedPermanently ? Self.notFound(request).response : response
        } catch let error as APIError {
            return error.response
        } catch let error as HTTPError where error.status == .notFound {
            return Self.notFound(request).response
        } catch let error as any HTTPResponseError {
            let message = (error as? HTTPError)?.body ?? error.status.reasonPhrase
            return APIError(error.status, message).response
        } catch is NIOTooManyBytesError {
            return APIError(.contentTooLarge, "The body is larger than this gateway takes.").response
        } catch let error where !(error is CancellationError) && !(error is ChannelError) {
            context.logger.error("\(request.method) \(request.uri.path): \(error)")
            return APIError(.internalServerError, "The gateway failed at this: \(error). Its log may say more.")
                .response
        }
    }

    private static func notFound(_ request: Request) -> APIError {
        let path = request.uri.path
        if path.hasPrefix("/three/") {
            return APIError(
                .notFound,
                """
                The viewer draws with three.js, and \(path) is not on this machine. Install it: apt-get install libjs-three, \
                or start the gateway with --three FOLDER.
                """)
        }
        if path.hasPrefix("/viewer/") || path.hasPrefix("/client/") {
            return APIError(.notFound, "\(path) is not among the files that came with this gateway.")
        }
        return APIError(.notFound, "There is nothing at \(path). /v1/openapi.json says what there is.")
    }

    private static let contentSecurityPolicy = [
        "default-src 'self'", "img-src 'self' blob: data:", "media-src 'self' blob:", "connect-src 'self' ws: wss:",
        "worker-src 'self' blob:", "object-src 'none'", "base-uri 'none'", "form-action 'none'",
        "frame-ancestors 'none'",
    ].joined(separator: "; ")
}

extension HTTPField.Name {
    static let referrerPolicy = Self("Referrer-Policy")!
    static let crossOriginOpenerPolicy = Self("Cross-Origin-Opener-Policy")!
}
