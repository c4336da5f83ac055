internal import Foundation

/// The one line on standard output by which a stage says that it is ready and where it listens:
/// `posebus-sink ready outcomes=tcp://127.0.0.1:5570 results=tcp://127.0.0.1:5571`.
public struct Readiness: Sendable, Equatable {
    /// The executable.
    public let stage: String
    /// What is bound where, with wildcard ports resolved.
    public let endpoints: [(name: String, endpoint: String)]

    /// A line to be written.
    public init(stage: String, endpoints: [(name: String, endpoint: String)]) {
        self.stage = stage
        self.endpoints = endpoints
    }

    /// Reads a line, or nil where it is none.
    public init?(line: some StringProtocol) {
        let words = line.split(separator: " ")
        guard words.count >= 2, words[1] == "ready" else { return nil }
        stage = String(words[0])
        endpoints = words.dropFirst(2).compactMap { word in
            guard let equals = word.firstIndex(of: "=") else { return nil }
            return (String(word[..<equals]), String(word[word.index(after: equals)...]))
        }
    }

    /// The endpoint with this name.
    public subscript(name: String) -> String? {
        endpoints.first { $0.name == name }?.endpoint
    }

    /// The line, without its end.
    public var line: String {
        ([stage, "ready"] + endpoints.map { "\($0.name)=\($0.endpoint)" }).joined(separator: " ")
    }

    /// Writes the line to standard output, at once, and tells the service manager.
    public func announce() {
        ServiceManager.own.ready(status: line)
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    public static func == (left: Readiness, right: Readiness) -> Bool { left.line == right.line }
}
