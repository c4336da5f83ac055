public import ArgumentParser

/// What a stage tells of itself over HTTP.
public struct StatusOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            """
            Address to serve /metrics, /livez, /readyz and /healthz at, HOST:PORT or as a URL; port 0 takes a free one, none \
            switches it off. Default: port 5580 (ingest), 5581 (infer) or 5582 (sink) of 127.0.0.1. Whoever reaches it can \
            read what the stage does, names of streams included, and change nothing.
            """, valueName: "address"))
    public var status: StatusAddress?

    @Option(
        help: """
            /healthz says that the stage makes no progress once it has work in hand and has finished none of it for so long.
            """)
    public var progressSeconds = 30.0

    @OptionGroup public var health: HealthCheckOption

    public init() {}

    public func validate() throws {
        guard (0.1...1e6).contains(progressSeconds) else {
            throw ValidationError("--progress-seconds is \(progressSeconds); it must be from 0.1 to 1000000")
        }
    }
}

/// The question for a stage's health, for containers in which there is no other program to ask it.
public struct HealthCheckOption: ParsableArguments, Sendable {
    @Flag(
        help: """
            Ask the stage that runs with the same options how it is, print what is wrong and exit: 0 where all is well, \
            else 1.
            """)
    public var checkHealth = false

    public init() {}
}

/// Where a stage serves its status, or that it does not.
public struct StatusAddress: Sendable, Equatable, ExpressibleByArgument {
    /// Host and port; nil for none.
    public let place: (host: String, port: Int)?

    /// An address.
    public init(host: String, port: Int) {
        place = (host, port)
    }

    /// `none`, `HOST:PORT` or `http://HOST:PORT`; an IPv6 address stands in brackets, `*` means every address of this machine.
    public init?(argument: String) {
        guard argument != "none" else {
            place = nil
            return
        }
        // As a URL it stands in the ready line: a restart gives that back.
        let text = argument.hasPrefix("http://") ? argument.dropFirst(7).prefix { $0 != "/" } : argument[...]
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        place = (host == "*" ? "0.0.0.0" : String(host), Int(port))
    }

    /// The address as a URL; nil for none.
    public var url: String? {
        place.map { "http://\($0.host.contains(":") ? "[\($0.host)]" : $0.host):\($0.port)" }
    }

    /// Where a program on the same machine asks; nil where it cannot know.
    public var localURL: String? {
        guard let place, place.port != 0 else { return nil }
        let loopback = ["0.0.0.0": "127.0.0.1", "::": "::1"][place.host]
        return StatusAddress(host: loopback ?? place.host, port: place.port).url
    }

    public static func == (left: StatusAddress, right: StatusAddress) -> Bool { left.url == right.url }
}
