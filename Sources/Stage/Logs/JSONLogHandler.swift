internal import Foundation
package import Logging
package import Messages

/// Writes each event as one JSON object on one line of standard error:
///
///     {"time":"2026-11-25T20:14:47.123456789Z","level":"warning","stage":"ingest","message":"…","stream":"cam1",…}
///
/// `time` (RFC 3339, UTC), `level`, `stage` and `message` are always there; `stream`, `session`, `sequence` and `trace_id`
/// where the line is about one; then what else belongs to the message, by name.
package struct JSONLogHandler: LogHandler {
    package var logLevel = Logger.Level.info
    package var metadata = Logger.Metadata()
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String

    package init(label: String) {
        self.label = label
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var metadata = metadata
        if let provided = metadataProvider?.get() { metadata.merge(provided) { $1 } }
        if let own = event.metadata { metadata.merge(own) { $1 } }
        if let error = event.error, metadata["error"] == nil { metadata["error"] = "\(error)" }
        let line = LogLine(
            time: .now, level: event.level, label: label, message: event.message.description, metadata: metadata)
        LogOutput.write(line.json)
    }
}

/// One event of a log.
package struct LogLine {
    let time: Timestamp
    let level: Logger.Level
    /// The logger's: `posebus-ingest`, or `posebus-ingest.lifecycle`.
    let label: String
    let message: String
    let metadata: Logger.Metadata

    package init(time: Timestamp, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata) {
        self.time = time
        self.level = level
        self.label = label
        self.message = message
        self.metadata = metadata
    }

    /// What says where a line belongs, in the order in which it is written.
    private static let identities = ["stream", "session", "sequence", "trace_id"]
    private static let reserved: Set = ["time", "level", "stage", "message"]

    /// As JSON, with the line's end.
    package var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.key("time")
            json.text(time.rfc3339)
            json.key("level")
            json.text(level.rawValue)
            json.key("stage")
            json.text(stage)
            json.key("message")
            json.text(message)
            for name in Self.identities {
                guard let value = metadata[name] else { continue }
                json.key(named: name)
                json.value(value)
            }
            for (name, value) in metadata.sorted(by: { $0.key < $1.key }) where !Self.identities.contains(name) {
                // No key may be there twice.
                json.key(named: Self.reserved.contains(name) ? name + "_" : name)
                json.value(value)
            }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }

    /// `ingest` of `posebus-ingest` and of `posebus-ingest.lifecycle`.
    private var stage: String {
        let name = label.hasPrefix("posebus-") ? label.dropFirst("posebus-".count) : label[...]
        return String(name.prefix { $0 != "." })
    }
}

extension JSONWriter {
    /// Writes what belongs to a message: numbers and truth as such, everything else as text.
    fileprivate mutating func value(_ value: Logger.MetadataValue) {
        switch value {
        case .string(let text): self.text(text)
        case .stringConvertible(let value):
            switch value {
            case let number as any BinaryInteger where number.bitWidth <= 64: self.value(whole: number)
            case let number as Double: shortest(number)
            case let number as Float: shortest(number)
            case let truth as Bool: self.value(truth)
            default: text(value.description)
            }
        case .array(let values):
            array { json in values.forEach { json.value($0) } }
        case .dictionary(let values):
            object { json in
                for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                    json.key(named: name)
                    json.value(value)
                }
            }
        }
    }

    private mutating func value(whole number: some BinaryInteger) {
        value(number)
    }
}

extension Timestamp {
    /// In UTC, to the nanosecond: `2026-11-25T20:14:47.123456789Z`.
    fileprivate var rfc3339: String {
        var time = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&time, &parts)
        func digits(_ number: some BinaryInteger, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let date = "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
        let clock = "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
        return "\(date)T\(clock).\(digits(nanoseconds % 1_000_000_000, 9))Z"
    }
}
