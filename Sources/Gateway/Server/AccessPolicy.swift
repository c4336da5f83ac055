internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Settings

/// Whom the gateway answers: the same for a request and for a WebSocket.
struct AccessPolicy: Sendable {
    private let keys: APIKeys?
    private let origins: Set<String>
    private let hostNames: Set<String>

    init(_ configuration: HTTPConfiguration) {
        keys = configuration.keys
        origins = configuration.allowedOrigins
        let machine = ProcessInfo.processInfo.hostName.lowercased()
        hostNames = configuration.hostNames.union(["localhost", machine, machine + ".local"])
    }

    /// Whether the name by which the gateway was called is one of its own.
    ///
    /// A page from elsewhere can let its own name point to this machine, and would then be of the same origin as the
    /// gateway (DNS rebinding). It cannot make a browser send another name in `Host`.
    func knows(host field: String?) -> Bool {
        guard let field, let host = HostName.host(of: field) else { return false }
        return HostName.isAddress(host) || hostNames.contains(host)
    }

    /// Whether a page from this origin may read answers, and may open a WebSocket. Programs other than browsers send none.
    func allows(origin: String?, host: String?) -> Bool {
        guard let origin else { return true }
        return Origin.isSame(origin, host: host) || allowsElsewhere(origin)
    }

    /// Whether a page of another origin may.
    func allowsElsewhere(_ origin: String) -> Bool {
        origins.contains(origin)
    }

    /// Whether a request shows a key where one is needed.
    func admits(authorization: String?, query: some Collection<(key: Substring, value: Substring)>) -> Bool {
        guard let keys else { return true }
        if let authorization, let space = authorization.firstIndex(of: " "),
            authorization[..<space].lowercased() == "bearer"
        {
            return keys.contains(authorization[authorization.index(after: space)...])
        }
        return query.contains { $0.key == "key" && keys.contains($0.value) }
    }

    /// Lets a page of an allowed origin read the answer (CORS).
    func share(_ response: inout Response, with request: Request) {
        guard let origin = request.headers[.origin], allowsElsewhere(origin) else { return }
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.vary] = "Origin"
        response.headers[.accessControlExposeHeaders] = "Content-Disposition, ETag, Location"
    }

    /// What may be had without a key: how the gateway is, and the viewer's own files.
    static func isPublic(_ path: String) -> Bool {
        ["/", "/livez", "/healthz", "/readyz", "/viewer", "/favicon.ico"].contains(path)
            || ["/viewer/", "/client/", "/three/"].contains(where: path.hasPrefix)
    }
}

/// Turns away whom the policy does not let in, and answers browsers that ask beforehand (CORS).
struct AccessMiddleware: RouterMiddleware {
    let policy: AccessPolicy

    func handle(
        _ request: Request, context: GatewayContext,
        next: (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        let host = request.head.authority
        guard policy.knows(host: host) else { throw Self.unknown(host: host) }
        // What the file system and the log would take for something else.
        guard let path = request.uri.path.removingPercentEncoding,
            !path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f })
        else { throw APIError(.badRequest, "The path holds what is no text.") }
        let isPreflight = request.method == .options && request.headers[.accessControlRequestMethod] != nil
        if let origin = request.headers[.origin], !policy.allows(origin: origin, host: host),
            isPreflight || ![.get, .head, .options].contains(request.method)
        {
            throw Self.foreign(origin)
        }
        if isPreflight { return Self.preflight }
        if !AccessPolicy.isPublic(request.uri.path),
            !policy.admits(authorization: request.headers[.authorization], query: Array(request.uri.queryParameters))
        {
            throw Self.keyless
        }
        return try await next(request, context)
    }

    static func unknown(host: String?) -> APIError {
        APIError(
            .misdirectedRequest,
            """
            This gateway does not answer to the name “\(host ?? "")”, so that no page from elsewhere can pass itself off \
            as its own. Use the machine's address, or start it with --host-name NAME.
            """)
    }

    static func foreign(_ origin: String) -> APIError {
        APIError(
            .forbidden,
            "Pages of \(origin) may not use this gateway. Start it with --cors-origin \(origin) to let them.")
    }

    static var keyless: APIError {
        var error = APIError(
            .unauthorized,
            """
            This gateway wants an API key. Send it as “Authorization: Bearer KEY”, or as ?key=KEY where that cannot be \
            done.
            """)
        error.headers[.wwwAuthenticate] = "Bearer"
        return error
    }

    private static var preflight: Response {
        var response = Response(status: .noContent)
        response.headers[.accessControlAllowMethods] = "GET, HEAD, POST, DELETE"
        response.headers[.accessControlAllowHeaders] =
            "Authorization, Content-Type, Last-Event-ID, X-Capture-Time-Ns, traceparent"
        response.headers[.accessControlMaxAge] = "600"
        return response
    }
}
