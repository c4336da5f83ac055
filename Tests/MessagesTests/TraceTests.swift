import Foundation
import Messages
import Testing

struct TraceTests {
    static let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `a traceparent is read as W3C Trace Context writes it`() throws {
        let trace = try #require(TraceContext(traceparent: Self.good))
        #expect(trace.traceID.description == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(trace.parentSpanID.description == "00f067aa0ba902b7")
        #expect(trace.traceparent == Self.good)
        #expect(TraceContext(traceparent: Self.good.dropLast(2) + "00") == trace, "the flags say nothing here")
        #expect(TraceContext(traceparent: "cc" + Self.good.dropFirst(2)) == trace, "a later version")
        #expect(TraceContext(traceparent: "cc" + Self.good.dropFirst(2) + "-what-the-future-brings") == trace)
    }

    @Test(arguments: [
        "", "00", String(Self.good.dropLast()), Self.good + "-", Self.good + "0", " " + Self.good,
        Self.good.uppercased(),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "ff" + Self.good.dropFirst(2),
        "cc" + Self.good.dropFirst(2) + ".x", Self.good.replacing("-", with: "_"),
        Self.good.replacing("4bf9", with: "4bg9"), Self.good.replacing("-01", with: "-0x"),
        "0x" + Self.good.dropFirst(2), Self.good.replacing("4bf9", with: "4bä"),
    ])
    func `anything else is none`(_ text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test func `a frame without one gets the session's bytes with its number mixed into the last eight`() throws {
        let session = try #require(SessionID("01234567-89ab-cdef-0123-456789abcdef"))
        func trace(_ sequence: UInt64) -> String {
            TraceID(session: session, sequence: SequenceNumber(sequence)).description
        }
        #expect(trace(0) == "0123456789abcdef0123456789abcdef")
        #expect(trace(1) == "0123456789abcdef0123456789abcdee")
        #expect(trace(0x0123_4567_89ab_cdef) == "0123456789abcdef0000000000000000")
        let zeros = SessionID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
        #expect(TraceID(session: zeros, sequence: .first).description.last == "1", "never all zero")
    }

    @Test func `identities survive as text and as bytes`() throws {
        let trace = try #require(TraceID("000000000000000000000000000000ff"))
        #expect(TraceID(bytes: trace.bytes) == trace && trace.bytes.count == 16)
        #expect(trace.description == "000000000000000000000000000000ff")
        let span = try #require(SpanID("0a00000000000000"))
        #expect(SpanID(bytes: span.bytes) == span && span.description == "0a00000000000000")
        #expect(TraceID(bytes: [UInt8](repeating: 0, count: 16)) == nil && TraceID(bytes: [1]) == nil)
        #expect(SpanID(bytes: [UInt8](repeating: 0, count: 8)) == nil && SpanID(bytes: [1]) == nil)
    }

    @Test func `a feeder's traceparent is taken over, and one that is none costs no frame`() throws {
        let header = try parse(#"{"stream":"a","traceparent":"\#(Self.good)"}"#)
        #expect(header.trace == TraceContext(traceparent: Self.good) && !header.hasBadTraceparent)
        let bad = try parse(#"{"stream":"a","traceparent":"nonsense"}"#)
        #expect(bad.trace == nil && bad.hasBadTraceparent)
        let none = try parse(#"{"stream":"a","traceparent":null}"#)
        #expect(none.trace == nil && !none.hasBadTraceparent)
        #expect(throws: FeederRefusal.self) { try parse(#"{"stream":"a","traceparent":7}"#) }
        #expect(try FeederHeader(json: header.jsonBytes()) == header)
    }

    @Test func `a header from the wire with half an identity is refused by its field`() throws {
        var header = try sampleOutcome().frame
        header.traceID = TraceID("4bf92f3577b34da6a3ce929d0e0e4736")
        let bytes = header.wireBytes()
        // Field 19, 16 bytes: the tag takes two bytes.
        let start = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x9a, 0x01, 16]) })
        let cut = bytes[..<start] + [0x9a, 0x01, 3, 1, 2, 3] + bytes[(start + 19)...]
        #expect(throws: WireError.self) { try FrameHeader(wire: Array(cut)) }
        let zeros = bytes[..<(start + 3)] + [UInt8](repeating: 0, count: 16) + bytes[(start + 19)...]
        #expect(throws: WireError.self) { try FrameHeader(wire: Array(zeros)) }
    }

    private func parse(_ text: String) throws -> FeederHeader {
        try FeederHeader(json: Array(text.utf8))
    }
}
