package import Foundation

/// What `posebus status --json` prints: one snapshot, for programs.
package struct StatusReport: Encodable {
    private let time: String
    private let verdict: Verdict
    private let status: PipelineStatus

    package init(_ status: PipelineStatus, _ verdict: Verdict, at time: Date) {
        self.time = time.formatted(.iso8601)
        self.status = status
        self.verdict = verdict
    }

    private enum CodingKeys: String, CodingKey {
        case time, verdict
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(time, forKey: .time)
        try container.encode(verdict, forKey: .verdict)
        // Its parts stand beside these.
        try status.encode(to: encoder)
    }

    /// One line.
    package var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
