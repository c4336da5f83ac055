import Ingest
import Messages
import Settings
import Testing
import ZeroMQ

/// Frames in by every door, and their answers.
@Suite struct FeedingTests {
    @Test func everyDoorLeadsToInferInOrder() async throws {
        let counters = try await withIngest { rig in
            let image = try jpeg()
            let request = try rig.feeder(.request)
            #expect(try rig.ask(request, #"{"msg":"req"}"#, image) == "OK")
            #expect(try rig.ask(request, #"{"msg":"req","frame":7}"#, image) == "OK 7")
            let dealer = try rig.feeder(.dealer)
            for frame in 0..<10 { _ = try dealer.send([Message(#"{"stream":"dealer","frame":\#(frame)}"#), image]) }
            for frame in 0..<10 { #expect(try rig.answer(dealer) == "OK \(frame)") }
            let push = try rig.feeder(.push)
            for frame in 0..<20 {
                #expect(try push.send([Message(#"{"stream":"push","frame":\#(frame)}"#), image], blocking: true))
            }
            _ = try push.send([Message(#"{"stream":"push","end":true}"#)], blocking: true)
            try rig.wait(for: "all frames and the end") { rig.arrived.count == 33 && rig.ended.count == 1 }
            #expect(rig.sequences(of: "push") == Array(0..<20))
            #expect(rig.sequences(of: "dealer") == Array(0..<10))
            #expect(rig.ended.values.first == 20)
            let one = try #require(rig.arrived.first { $0.header.cameraFrame == CameraFrame(7) })
            #expect(one.header.width == 32 && one.header.height == 16)
            #expect(one.header.payload == .jpeg)
            #expect(one.payload.map(bytes) == bytes(image))
            #expect(one.header.delivery == .lossless)
        }
        #expect(counters.accepted == 32)
        #expect(counters.sessionsFinished == 3, "the stop ended the other two")
        #expect(counters.acknowledged == 32 + 3)
        #expect(counters.resent == 0)
    }

    @Test func everyFrameHasATraceItsFeedersOrItsOwn() async throws {
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        try await withIngest { rig in
            let image = try jpeg()
            let request = try rig.feeder(.request)
            #expect(try rig.ask(request, #"{"stream":"t","frame":0}"#, image) == "OK 0")
            #expect(try rig.ask(request, #"{"stream":"t","frame":1,"traceparent":"\#(traceparent)"}"#, image) == "OK 1")
            #expect(try rig.ask(request, #"{"stream":"t","frame":2,"traceparent":"none"}"#, image) == "OK 2")
            // As a drop too, and by the reader that takes its time.
            _ = try rig.ask(
                request, #"{"stream":"t","frame":3,"other":1,"traceparent":"\#(traceparent)"}"#, Message("no image"))
            _ = try rig.ask(request, #"{"stream":"t","end":true}"#)
            try rig.wait(for: "the frames and the end") { rig.ended.count == 1 }
            let headers = rig.arrived.map(\.header)
            let session = try #require(headers.first?.session)
            let given = try #require(TraceContext(traceparent: traceparent))
            func own(_ sequence: UInt64) -> TraceID { TraceID(session: session, sequence: SequenceNumber(sequence)) }
            #expect(headers.map(\.traceID) == [own(0), given.traceID, own(2), given.traceID, nil])
            #expect(headers.map(\.parentSpanID) == [nil, given.parentSpanID, nil, given.parentSpanID, nil])
        }
    }

    @Test func badInputIsAnsweredAndDisturbsNothing() async throws {
        let counters = try await withIngest { rig in
            let image = try jpeg()
            let request = try rig.feeder(.request)
            let refusals: [(header: String, parts: Int, word: String)] = [
                ("nope", 1, "bad_header"), ("[1]", 1, "bad_header"), (#"{"frame":1}"#, 1, "bad_stream"),
                (#"{"stream":"a/b"}"#, 1, "bad_stream"), (#"{"stream":"a\u0001"}"#, 1, "bad_stream"),
                (#"{"stream":"\#(String(repeating: "x", count: 10_000))"}"#, 1, "bad_stream"),
                (#"{"stream":"a"}"#, 0, "bad_parts"), (#"{"stream":"a"}"#, 9, "bad_parts"),
                (#"{"stream":"a","delivery":"x"}"#, 1, "bad_header"),
            ]
            for (header, parts, word) in refusals {
                _ = try request.send([Message(header)] + Array(repeating: image, count: parts), blocking: true)
                let answer = try rig.answer(request)
                #expect(answer.hasPrefix("ERR \(word): "), "\(answer)")
                #expect(answer.utf8.count < 300)
            }
            #expect(rig.arrived.isEmpty)
            let drops: [(Message, String)] = [
                (Message("no image"), "corrupt_jpeg"), (Message(""), "corrupt_jpeg"),
                (Message(bytes(image).dropLast(30)), "corrupt_jpeg"),
                (Message([UInt8](repeating: 0, count: 30_000_000)), "too_large"),
            ]
            for (bad, word) in drops {
                let answer = try rig.ask(request, #"{"stream":"a"}"#, bad)
                #expect(answer.hasPrefix("ERR \(word): "), "\(answer)")
            }
            #expect(try rig.ask(request, #"{"stream":"a"}"#, image) == "OK")
            try rig.wait(for: "the drops and the frame") { rig.arrived.count == 5 }
            #expect(rig.sequences(of: "a") == [0, 1, 2, 3, 4])
            #expect(
                rig.arrived.map { $0.header.drop?.reason } == [
                    .corruptJPEG, .corruptJPEG, .corruptJPEG, .tooLarge, nil,
                ])
            #expect(rig.arrived.map { $0.payload == nil } == [true, true, true, true, false])
        }
        #expect(counters.refusals == ["bad_header": 3, "bad_stream": 4, "bad_parts": 2])
        #expect(counters.drops == [.corruptJPEG: 3, .tooLarge: 1])
    }

    @Test func decodingKeepsTheOrderOfAStream() async throws {
        try await withIngest({ $0.payload = .rgb }) { rig in
            let push = try rig.feeder(.push)
            // Slow and fast ones in turn, raw pixels and damaged ones among them.
            let large = try jpeg(width: 1600, height: 1200)
            let small = try jpeg()
            for frame in 0..<40 {
                if frame % 5 == 3 {
                    _ = try push.send(
                        [Message(#"{"stream":"s","shape":[1,2,3],"dtype":"uint8"}"#), Message("abcdef")], blocking: true
                    )
                } else {
                    let image = frame % 5 == 4 ? Message("bad") : frame % 2 == 0 ? large : small
                    _ = try push.send([Message(#"{"stream":"s"}"#), image], blocking: true)
                }
            }
            try rig.wait(for: "40 frames") { rig.arrived.count == 40 }
            #expect(rig.sequences(of: "s") == Array(0..<40))
            for (frame, one) in rig.arrived.enumerated() {
                let expected = frame % 5 == 4 ? 0 : frame % 5 == 3 ? 2 : frame % 2 == 0 ? 1600 : 32
                #expect(one.header.width == expected)
                #expect(one.header.payload == (expected == 0 ? .none : .rgb8))
            }
            let raw = try #require(rig.arrived[3].payload)
            #expect(raw.text == "cbafed")
        }
    }

    @Test func aSubscribedCameraIsLive() async throws {
        let camera = try Context()
        let endpoint = "ipc:///tmp/posebus-ingest-test-\(UInt64.random(in: 0 ... .max))"
        try await withIngest({ $0.cameras = [endpoint] }) { rig in
            let publisher = try Socket(.publish, in: camera)
            try publisher.bind(endpoint)
            let image = try jpeg()
            try rig.wait(for: "a frame of the camera") {
                _ = try publisher.send([Message(#"{"msg":"pub"}"#), image])
                return !rig.arrived.isEmpty
            }
            #expect(rig.arrived[0].header.delivery == .live)
        }
    }

    @Test func afterItsEndAStreamBeginsAnotherSession() async throws {
        try await withIngest { rig in
            let request = try rig.feeder(.request)
            let image = try jpeg()
            #expect(try rig.ask(request, #"{"stream":"s","end":true}"#) == "OK", "nothing to end")
            for _ in 0..<2 {
                _ = try rig.ask(request, #"{"stream":"s"}"#, image)
                _ = try rig.ask(request, #"{"stream":"s","end":true}"#, image)
            }
            try rig.wait(for: "two ended sessions") { rig.ended.count == 2 }
            #expect(Array(rig.ended.values) == [2, 2])
            #expect(rig.sequences(of: "s") == [0, 1, 0, 1])
        }
    }

    @Test func streamsAreLimitedAndGivenBack() async throws {
        try await withIngest({ $0.maxStreams = 2 }) { rig in
            let request = try rig.feeder(.request)
            let image = try jpeg()
            #expect(try rig.ask(request, #"{"stream":"a"}"#, image) == "OK")
            #expect(try rig.ask(request, #"{"stream":"b"}"#, image) == "OK")
            #expect(try rig.ask(request, #"{"stream":"c"}"#, image).hasPrefix("ERR too_many_streams: "))
            #expect(try rig.ask(request, #"{"stream":"a","end":true}"#) == "OK")
            try rig.wait(for: "the end") { rig.ended.count == 1 }
            try rig.wait(for: "room for another stream") {
                try rig.ask(request, #"{"stream":"c"}"#, image) == "OK"
            }
        }
    }

    @Test func aSilentStreamIsEnded() async throws {
        try await withIngest({ $0.idleEnd = .milliseconds(200) }) { rig in
            _ = try rig.ask(try rig.feeder(.request), #"{"stream":"s"}"#, try jpeg())
            try rig.wait(for: "its end") { rig.ended.count == 1 }
        }
    }

    @Test func previewsArePublishedWhileSomebodyWatches() async throws {
        let counters = try await withIngest { rig in
            let request = try rig.feeder(.request)
            let image = try jpeg()
            _ = try rig.ask(request, #"{"stream":"s"}"#, image)
            let viewer = try rig.feeder(.subscribe, to: "preview")
            try viewer.subscribe("preview/s")
            var shown: [Message] = []
            try rig.wait(for: "a preview") {
                _ = try rig.ask(request, #"{"stream":"s"}"#, image)
                _ = try rig.ask(request, #"{"stream":"other"}"#, image)
                guard case .parts(let parts)? = try viewer.receive() else { return false }
                shown = parts
                return true
            }
            #expect(shown.count == 3)
            #expect(shown[0].text == "preview/s")
            #expect(try frameHeader(shown[1]).stream.description == "s")
            #expect(bytes(shown[2]) == bytes(image))
            try viewer.unsubscribe("preview/s")
            try rig.pass(.milliseconds(200))
        }
        #expect(counters.previews > 0)
        #expect(counters.previews < counters.accepted, "the first frame had no viewer")
    }
}
