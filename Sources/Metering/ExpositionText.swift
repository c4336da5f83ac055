/// Metrics in Prometheus' text format, version 0.0.4.
///
/// Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
public struct ExpositionText: Sendable {
    /// What an HTTP answer with it says it is.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The text so far.
    public private(set) var text = ""

    /// An empty text.
    public init() {}

    /// Begins a metric: its samples follow.
    package mutating func begin(_ name: String, _ kind: MetricKind, help: String) {
        text += "# HELP \(name) \(Self.escaped(help))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Adds one sample.
    package mutating func sample(_ name: String, _ labels: String, _ value: String) {
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    /// Adds a metric that is read only now, with its samples by their labels.
    public mutating func gauge(_ name: String, _ help: String, _ samples: [(labels: [(String, String)], value: Double)])
    {
        add(name, .gauge, help, samples)
    }

    /// Adds a metric that is read only now and only grows, with its samples by their labels.
    public mutating func counter(
        _ name: String, _ help: String, _ samples: [(labels: [(String, String)], value: Double)]
    ) {
        add(name, .counter, help, samples)
    }

    private mutating func add(
        _ name: String, _ kind: MetricKind, _ help: String, _ samples: [(labels: [(String, String)], value: Double)]
    ) {
        begin(name, kind, help: help)
        for (labels, value) in samples { sample(name, Self.labels(labels), Self.number(value)) }
    }

    /// `name="value",…`
    package static func labels(_ labels: [(String, String)]) -> String {
        labels.map { "\($0)=\"\(escaped($1, quotes: true))\"" }.joined(separator: ",")
    }

    /// A number as Prometheus reads it.
    package static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int(exactly: value) { return "\(whole)" }
        return "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || (quotes && $0 == 0x22) }) else { return text }
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
