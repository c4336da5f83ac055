import Foundation
import Messages
import Testing

struct FeederHeaderTests {
    @Test func `every key is read`() throws {
        let header = try parse(
            #"{"stream":"cam1","capture_time_ns":1700000000123456789,"frame":7,"delivery":"live","end":false}"#)
        #expect(header.stream.description == "cam1")
        #expect(header.captureTime?.nanoseconds == 1_700_000_000_123_456_789)
        #expect(header.cameraFrame == CameraFrame(7))
        #expect(header.delivery == .live)
        #expect(!header.isEnd && !header.isStill)
        #expect(try parse(#"{"stream":"cam1","still":true}"#).isStill)
    }

    @Test func `imagezmq's headers are read as they are`() throws {
        #expect(try parse(#"{"msg":"rpi-3"}"#).stream.description == "rpi-3")
        let raw = try parse(#"{"msg":"rpi-3","dtype":"uint8","shape":[480,640,3]}"#)
        #expect(raw.rawSize == .init(height: 480, width: 640))
    }

    @Test(
        arguments: [
            ("not json", FeederRefusal.Reason.badHeader), ("", .badHeader), ("[1,2]", .badHeader), ("42", .badHeader),
            (#"{"frame":1}"#, .badStream), (#"{"stream":""}"#, .badStream), (#"{"stream":"a/b"}"#, .badStream),
            (#"{"stream":"a\u0007b"}"#, .badStream), (#"{"stream":7}"#, .badStream), (#"{"msg":["a",1]}"#, .badStream),
            (#"{"stream":"a","delivery":"fast"}"#, .badHeader), (#"{"stream":"a","frame":"x"}"#, .badHeader),
            (#"{"stream":"a","frame":-1}"#, .badHeader), (#"{"stream":"a","end":"yes"}"#, .badHeader),
            (#"{"stream":"a","still":"yes"}"#, .badHeader), (#"{"stream":"a","still":1}"#, .badHeader),
            (#"{"stream":"a","dtype":"float32","shape":[4,4,3]}"#, .badHeader),
            (#"{"stream":"a","shape":[4,4]}"#, .badHeader), (#"{"stream":"a","shape":[0,4,3]}"#, .badHeader),
            (#"{"stream":"a","shape":[9223372036854775807,9223372036854775807,4]}"#, .badHeader),
        ])
    func `a bad header is refused with its reason`(_ text: String, _ reason: FeederRefusal.Reason) {
        let refusal = #expect(throws: FeederRefusal.self) { try parse(text) }
        #expect(refusal?.reason == reason)
        #expect(refusal?.detail.isEmpty == false)
    }

    @Test func `a name of 10 kB and a header over the limit are refused without repeating them`() {
        for count in [10_000, 20_000] {
            let refusal = #expect(throws: FeederRefusal.self) {
                try parse(#"{"stream":"\#(String(repeating: "x", count: count))"}"#)
            }
            #expect(refusal.map { $0.detail.count < 200 } == true)
        }
    }

    @Test func `a header that is written is read back`() throws {
        let header = FeederHeader(
            stream: try StreamName("cam 1"), captureTime: Timestamp(nanoseconds: 5), cameraFrame: CameraFrame(0),
            delivery: .lossless, isEnd: true, isStill: true, rawSize: .init(height: 2, width: 3))
        #expect(try FeederHeader(json: header.jsonBytes()) == header)
        let short = FeederHeader(stream: try StreamName("a\"b"))
        #expect(String(decoding: short.jsonBytes(), as: UTF8.self) == #"{"stream":"a\"b"}"#)
        #expect(try FeederHeader(json: short.jsonBytes()) == short)
    }

    @Test(arguments: [FeederAnswer.accepted(nil), .accepted(CameraFrame(12)), .refused("corrupt_jpeg")])
    func `answers survive the wire`(_ answer: FeederAnswer) {
        #expect(FeederAnswer(answer.text) == answer)
    }

    @Test func `an unknown answer is none`() {
        #expect(FeederAnswer("maybe") == nil)
        #expect(FeederAnswer("OK x") == nil)
    }

    private func parse(_ text: String) throws -> FeederHeader {
        try FeederHeader(json: Array(text.utf8))
    }
}
