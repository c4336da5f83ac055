/// One HTTP/1.1 GET over plain TCP: how `--check-health` and `posebus status` ask a stage. It blocks its thread, so it does not
/// belong on Swift's cooperative threads.
///
///     let answer = try HTTPGet("http://127.0.0.1:5580/healthz", timeout: .seconds(2))
public struct HTTPGet: Sendable {
    /// Why there is no answer.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        /// What was asked, and what went wrong.
        public let description: String
    }

    /// 200, 503 and so on.
    public let status: Int
    /// Header fields by their lower-case names.
    public let fields: [String: String]
    /// The body.
    public let body: String

    /// Asks, and waits for the whole answer.
    ///
    /// - Parameters:
    ///   - url: `http://HOST[:PORT][/PATH][?QUERY]`.
    ///   - fields: further header fields, such as an API key.
    ///   - timeout: for everything together, names' addresses excepted.
    ///   - limit: the most bytes of an answer.
    public init(
        _ url: String, fields: [(String, String)] = [], timeout: Duration = .seconds(5), limit: Int = 16 << 20
    ) throws(Failure) {
        guard let target = HTTPTarget(url) else {
            throw Failure(description: "\(url) is no address like http://HOST:PORT/PATH")
        }
        do throws(TCPConnection.Problem) {
            let connection = try TCPConnection(to: target, until: .now + timeout)
            let lines =
                ["GET \(target.path) HTTP/1.1", "Host: \(target.authority)", "Connection: close"]
                + fields.map { "\($0): \($1)" }
            try connection.send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
            let answer = try HTTPAnswer(connection.receiveAll(limit: limit))
            status = answer.status
            self.fields = answer.fields
            body = String(decoding: answer.body, as: UTF8.self)
        } catch {
            throw Failure(description: "\(url): \(error.description)")
        }
    }
}
