public import Foundation

/// Where ingest finds infers: one value of `--infer`.
public enum InferSource: Sendable, Hashable, CustomStringConvertible {
    /// One infer, for as long as ingest runs.
    case endpoint(String)
    /// Every address of a name is one infer, asked for again and again: `dns+tcp://NAME:PORT`.
    case name(String, port: Int)
    /// One endpoint a line, read again when it changes: `file:PATH`.
    case file(String)

    /// The most infers of one source.
    public static let maxEndpoints = 64
    /// The largest file that is read, in bytes.
    public static let maxFileLength = 64 << 10

    /// Reads a value of `--infer`.
    ///
    /// - Throws: `InferSourceError`.
    public init(_ text: String) throws(InferSourceError) {
        if let rest = text.dropping(prefix: "dns+tcp://") {
            guard let (host, port) = Self.hostAndPort(rest) else {
                throw InferSourceError("\(text) is no name with a port; it has to look like dns+tcp://infers:5560")
            }
            self = .name(host, port: port)
        } else if let path = text.dropping(prefix: "file:") {
            guard !path.isEmpty else {
                throw InferSourceError("\(text) names no file; it has to look like file:infers.txt")
            }
            self = .file(String(path))
        } else {
            self = .endpoint(try Self.checked(text))
        }
    }

    public var description: String {
        switch self {
        case .endpoint(let endpoint): endpoint
        case .name(let host, let port): "dns+tcp://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        case .file(let path): "file:\(path)"
        }
    }

    /// Reads a list of infers: one endpoint a line, `#` begins a comment.
    ///
    /// - Returns: the endpoints, each once, in the order of the lines.
    /// - Throws: `InferSourceError`, which names the line.
    public static func endpoints(inList text: String) throws(InferSourceError) -> [String] {
        var endpoints: [String] = []
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace).prefix { !$0.hasPrefix("#") }
            guard let word = words.first else { continue }
            guard words.count == 1 else {
                throw InferSourceError("line \(number + 1): there is more than one endpoint in it")
            }
            do throws(InferSourceError) {
                let endpoint = try checked(String(word))
                if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
            } catch {
                throw InferSourceError("line \(number + 1): \(error)")
            }
            guard endpoints.count <= maxEndpoints else {
                throw InferSourceError("line \(number + 1): there are more than \(maxEndpoints) infers")
            }
        }
        guard !endpoints.isEmpty else { throw InferSourceError("there is no infer in it") }
        return endpoints
    }

    private static func checked(_ text: String) throws(InferSourceError) -> String {
        if let path = text.dropping(prefix: "ipc://"), !path.isEmpty { return text }
        if let address = text.dropping(prefix: "tcp://"), hostAndPort(address) != nil { return text }
        throw InferSourceError(
            "\(text) is no endpoint of an infer; it has to look like tcp://gpu1:5560 or ipc:///run/infer")
    }

    private static func hostAndPort(_ text: Substring) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else { return nil }
        return (String(host), port)
    }
}

/// What is wrong with a source of infers, and how it has to look.
public struct InferSourceError: Error, Sendable, Equatable, CustomStringConvertible, LocalizedError {
    public let description: String

    /// An error with its sentence.
    public init(_ description: String) {
        self.description = description
    }

    public var errorDescription: String? { description }
}

extension StringProtocol {
    /// What follows a prefix; nil where it does not begin so.
    fileprivate func dropping(prefix: String) -> Self.SubSequence? {
        hasPrefix(prefix) ? dropFirst(prefix.count) : nil
    }
}
