import Foundation
import Logging
import Messages
import Stage
import Testing

struct LogTests {
    @Test(arguments: [
        "cam1", #"quote " back \ slash"#, "{\"level\":\"critical\"}", "größe ❄️ 日本", "\u{2028}\u{2029}\u{feff}",
        "a' b=c",
        String(repeating: "x", count: 128),
    ])
    func `a line is one JSON object whatever a stream is called`(_ name: String) throws {
        let header = try frame(stream: name)
        let (line, object) = try written(
            metadata: .frame(header).with(["detail": .string("two\nlines\u{0}\u{1b}[31m")]))
        #expect(line.count(where: { $0 == UInt8(ascii: "\n") }) == 1 && line.last == UInt8(ascii: "\n"))
        #expect(object["stream"] as? String == name)
        #expect(object["session"] as? String == header.session.description)
        #expect(object["sequence"] as? UInt64 == .max, "a number, to its last digit")
        #expect(object["trace_id"] as? String == header.traceID?.description)
        #expect(object["detail"] as? String == "two\nlines\u{0}\u{1b}[31m")
    }

    @Test func `time, level, stage and message stand first and are always there`() throws {
        let (line, object) = try written(metadata: [:])
        let beginning = #"{"time":"2023-11-14T22:13:20.000000007Z","level":"warning","stage":"ingest","message":"#
        #expect(String(decoding: line, as: UTF8.self).hasPrefix(beginning))
        #expect(Set(object.keys) == ["time", "level", "stage", "message"])
        let other = try self.object(
            LogLine(
                time: .now, level: .error, label: "posebus-gateway.http", message: "m", metadata: [:]))
        #expect(other["stage"] as? String == "gateway")
    }

    @Test func `metadata keeps its kinds and takes no other key's place`() throws {
        let (line, object) = try written(metadata: [
            "count": .stringConvertible(7), "share": .stringConvertible(0.25), "is_on": .stringConvertible(true),
            "version": "7", "level": "mine", "many": ["a", .stringConvertible(1)], "nested": ["x": ["y": "z"]],
            "stream": "cam",
        ])
        #expect(object["count"] as? Int == 7 && object["share"] as? Double == 0.25 && object["is_on"] as? Bool == true)
        #expect(object["version"] as? String == "7")
        #expect(object["level"] as? String == "warning" && object["level_"] as? String == "mine")
        #expect((object["many"] as? [Any])?.count == 2)
        #expect((object["nested"] as? [String: [String: String]])?["x"] == ["y": "z"])
        let text = String(decoding: line, as: UTF8.self)
        #expect(text.contains(#""message":"something","stream":"cam","count":7,"#), "what it is about, then by name")
    }

    @Test func `what is logged at warning and above is counted, whatever writes it`() {
        let levels: [Logger.Level] = [.warning, .error, .critical]
        let before = levels.map(LogTally.count)
        var logger = Logger(label: "test") { _ in TallyingLogHandler(SilentLogHandler()) }
        logger.logLevel = .trace
        for level in levels + [.warning, .info, .notice] { logger.log(level: level, "x") }
        // Other tests of this process may log meanwhile.
        #expect(zip(levels.map(LogTally.count), before).map { $0 - $1 } >= [2, 1, 1])
        #expect(LogTally.count(of: .info) == 0)
    }

    @Test func `a stream's line names no frame, and a frame without a trace none`() throws {
        let header = try frame(stream: "cam")
        #expect(Set(Logger.Metadata.stream(header.stream).keys) == ["stream"])
        #expect(Set(Logger.Metadata.stream(header.stream, session: header.session).keys) == ["stream", "session"])
        var old = header
        old.traceID = nil
        #expect(Set(Logger.Metadata.frame(old).keys) == ["stream", "session", "sequence"])
    }

    private func frame(stream: String) throws -> FrameHeader {
        let session = SessionID()
        return FrameHeader(
            stream: try StreamName(stream), session: session, sequence: SequenceNumber(.max),
            captureTime: .now, acceptedTime: .now, traceID: TraceID(session: session, sequence: .first))
    }

    private func written(metadata: Logger.Metadata) throws -> (line: [UInt8], object: [String: Any]) {
        let line = LogLine(
            time: Timestamp(nanoseconds: 1_700_000_000_000_000_007), level: .warning, label: "posebus-ingest",
            message: "something", metadata: metadata)
        return (line.json, try object(line))
    }

    private func object(_ line: LogLine) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(line.json)) as? [String: Any])
    }
}

/// Writes nothing. swift-log's own handler of that kind keeps its level at critical.
private struct SilentLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {}
}

private func >= (left: [Int], right: [Int]) -> Bool {
    zip(left, right).allSatisfy { $0 >= $1 }
}
