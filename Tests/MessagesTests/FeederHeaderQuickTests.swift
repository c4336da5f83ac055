import Messages
import Testing

@Suite struct FeederHeaderQuickTests {
    func quick(_ text: String) -> FeederHeader? {
        Array(text.utf8).withUnsafeBytes { FeederHeader.quick(json: $0) }
    }

    func general(_ text: String) throws -> FeederHeader {
        try Array(text.utf8).withUnsafeBytes { try FeederHeader(json: Array($0)) }
    }

    @Test(arguments: [
        #"{"stream":"cam1"}"#,
        #"{"msg": "picam", "end": false}"#,
        #" { "stream" : "a b" , "frame" : 0 , "capture_time_ns" : 1700000000123456789 , "delivery" : "live" } "#,
        #"{"stream":"x","delivery":"lossless","end":true,"frame":1234567890123456789}"#,
        #"{"stream":"stills","still":true,"frame":1}"#, #"{"still" : false , "stream":"stills"}"#,
        #"{"stream":"a","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#,
        #"{"traceparent":"none","stream":"a"}"#,
    ])
    func readsPlainHeadersAsTheGeneralReaderDoes(text: String) throws {
        #expect(quick(text) == (try general(text)))
        #expect(quick(text) != nil)
    }

    @Test(arguments: [
        "", "{", "{}", "[1]", "nope", #"{"stream":"a"}x"#, #"{"stream":"a",}"#, #"{"stream":"a" "frame":1}"#,
        #"{"stream":"a/b"}"#, #"{"stream":""}"#, #"{"stream":"\u0041"}"#, #"{"stream":"ä"}"#, #"{"stream":1}"#,
        #"{"stream":"a","frame":-1}"#, #"{"stream":"a","frame":1.5}"#, #"{"stream":"a","frame":01}"#,
        #"{"stream":"a","frame":99999999999999999999}"#, #"{"stream":"a","stream":"b"}"#,
        #"{"stream":"a","msg":"b"}"#, #"{"stream":"a","delivery":"maybe"}"#, #"{"stream":"a","end":1}"#,
        #"{"stream":"a","shape":[1,2,3]}"#, #"{"stream":"a","other":1}"#, #"{"frame":1}"#,
        #"{"stream":"a","frame":1e3}"#, #"{"stream":"a"#, #"{"stream":"a","end":truex}"#,
        #"{"stream":"a","still":1}"#, #"{"stream":"a","still":"true"}"#, #"{"stream":"a","still":true,"still":false}"#,
        #"{"stream":"a","traceparent":1}"#, #"{"stream":"a","traceparent":null}"#,
        #"{"stream":"a","traceparent":"x","traceparent":"y"}"#,
    ])
    func leavesEverythingElseToTheGeneralReader(text: String) {
        #expect(quick(text) == nil)
    }

    @Test func neverDisagreesWithTheGeneralReader() throws {
        var state: UInt64 = 7
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        let good = Array(
            (#"{"stream":"cam1","frame":42,"capture_time_ns":17,"delivery":"live","end":true,"still":true,"#
                + #""traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#).utf8)
        let alphabet = Array(#"{}[]":, \0123truefalsend"#.utf8)
        var agreed = 0
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0...random(3) { bytes[random(bytes.count)] = alphabet[random(alphabet.count)] }
            let quick = bytes.withUnsafeBytes { FeederHeader.quick(json: $0) }
            guard let quick else { continue }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(try bytes.withUnsafeBytes { try FeederHeader(json: Array($0)) } == quick, "\(text)")
            agreed += 1
        }
        #expect(agreed > 100)
    }
}
