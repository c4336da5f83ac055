/// An address as options have it, taken apart as far as checks need it: `tcp://HOST:PORT`, `HOST:PORT` or `http://HOST:PORT`.
struct Endpoint: Equatable {
    let host: String
    /// nil where the system chooses one.
    let port: Int?

    init?(_ text: String) {
        let rest = text.firstRange(of: "://").map { text[$0.upperBound...] } ?? text[...]
        if let scheme = text.firstRange(of: "://").map({ text[..<$0.lowerBound] }) {
            guard ["tcp", "http"].contains(scheme) else { return nil }
        }
        guard let colon = rest.lastIndex(of: ":") else { return nil }
        let number = rest[rest.index(after: colon)...].prefix { $0 != "/" }
        guard number == "*" || UInt16(number) != nil else { return nil }
        host = rest[..<colon].filter { $0 != "[" && $0 != "]" }
        port = UInt16(number).flatMap { $0 == 0 ? nil : Int($0) }
        guard !host.isEmpty else { return nil }
    }

    /// Why a text is nothing that a socket could bind or connect to; nil where it may be that.
    static func objection(to text: String) -> String? {
        let isLocal = text.hasPrefix("ipc://") && text.count > 6
        let isPlain = !text.contains { $0.isWhitespace || $0 == "," }
        if isLocal || text.hasPrefix("tcp://") && isPlain && Endpoint(text) != nil { return nil }
        let how =
            text.contains(",")
            ? "several are a list: [tcp://a:5560, tcp://b:5560]" : "it has to look like tcp://HOST:PORT or ipc://PATH"
        return "\(quoted(text)) is no endpoint; \(how)"
    }

    /// Whether only this machine reaches it.
    var isLoopback: Bool { HostName.isLoopback(host) }

    /// Whether it stands for all addresses of its machine.
    var isEverywhere: Bool { ["*", "0.0.0.0", "::"].contains(host) }

    /// Whether both cannot be bound at one port of one machine.
    func meets(_ other: Endpoint) -> Bool { host == other.host || isEverywhere || other.isEverywhere }

    /// Whether who connects to it can only mean a socket that is bound like this, as far as the machine goes.
    func isSameHost(asBound other: Endpoint) -> Bool {
        host == other.host || isLoopback && (other.isLoopback || other.isEverywhere)
    }
}
