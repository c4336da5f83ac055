internal import Foundation

/// What a stage says of itself at `/livez`, `/readyz` and `/healthz`:
/// `{"stage":"ingest","live":true,"ready":true,"progress":true,"reasons":[]}`.
public struct HealthReport: Codable, Sendable, Equatable {
    /// `ingest`, `infer`, `sink` or `gateway`.
    public var stage: String
    /// Whether its threads move.
    public var live: Bool
    /// Whether it is bound and its models are loaded.
    public var ready: Bool
    /// Whether it finishes some of the work that it has in hand.
    public var progress: Bool
    /// A sentence for each thing that is wrong.
    public var reasons: [String]

    /// A report.
    public init(stage: String, live: Bool, ready: Bool, progress: Bool, reasons: [String]) {
        self.stage = stage
        self.live = live
        self.ready = ready
        self.progress = progress
        self.reasons = reasons
    }

    /// Whether all is well.
    public var isHealthy: Bool { live && ready && progress }

    /// Reads a report, or nil where it is none.
    public init?(json: String) {
        guard let report = try? JSONDecoder().decode(HealthReport.self, from: Data(json.utf8)) else { return nil }
        self = report
    }

    /// The report as it is served.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        func text(_ value: some Encodable) -> String {
            (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
        }
        return """
            {"stage":\(text(stage)),"live":\(live),"ready":\(ready),"progress":\(progress),"reasons":\(text(reasons))}
            """
    }
}
