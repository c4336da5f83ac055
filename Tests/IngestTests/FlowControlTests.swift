import Delivery
import Ingest
import Messages
import Stage
import Testing
import ZeroMQ

/// Full windows, lost peers and the end.
@Suite struct FlowControlTests {
    @Test func aFullLosslessWindowMakesItsFeederWaitAndNobodyElse() async throws {
        let counters = try await withIngest({ $0.lossless = .init(frames: 2, bytes: 1 << 20, inFlight: 2) }) { rig in
            rig.acknowledges = false
            let image = try jpeg()
            let first = try rig.feeder(.request)
            #expect(try rig.ask(first, #"{"stream":"a"}"#, image) == "OK")
            #expect(try rig.ask(first, #"{"stream":"a"}"#, image) == "OK")
            _ = try first.send([Message(#"{"stream":"a"}"#), image])
            try rig.pass(.milliseconds(300))
            #expect(try first.receive() == nil, "no answer while the window is full")
            #expect(try rig.ask(try rig.feeder(.request), #"{"stream":"b"}"#, image) == "OK")
            try rig.storeEverything()
            #expect(try rig.answer(first) == "OK")
            try rig.wait(for: "the third frame") { rig.sequences(of: "a") == [0, 1, 2] }
        }
        #expect(counters.held == 1)
    }

    @Test func aPeerWithTooMuchOutstandingIsRefused() async throws {
        try await withIngest({
            $0.lossless = .init(frames: 1, bytes: 1 << 20, inFlight: 1)
            $0.maxOutstanding = 3
        }) { rig in
            rig.acknowledges = false
            let dealer = try rig.feeder(.dealer)
            let image = try jpeg()
            for frame in 0..<6 { _ = try dealer.send([Message(#"{"stream":"d","frame":\#(frame)}"#), image]) }
            var answers = try (0..<3).map { _ in try rig.answer(dealer) }
            #expect(answers.filter { $0 == "OK 0" }.count == 1)
            #expect(answers.filter { $0.hasPrefix("ERR too_many_outstanding") }.count == 2)
            try rig.wait(for: "the first frame") { rig.arrived.count == 1 }
            try rig.storeEverything()
            answers = try (0..<3).map { _ in try rig.answer(dealer) }
            #expect(answers == ["OK 1", "OK 2", "OK 3"])
        }
    }

    @Test func aPushFeederIsHeldUpWithoutLoss() async throws {
        let counters = try await withIngest({ $0.lossless = .init(frames: 4, bytes: 1 << 20, inFlight: 4) }) { rig in
            rig.acknowledges = false
            let push = try rig.feeder(.push)
            let image = try jpeg()
            var sent = 0
            func feed(_ count: Int) throws {
                while sent < count, try push.send([Message(#"{"stream":"p","frame":\#(sent)}"#), image]) { sent += 1 }
            }
            try rig.wait(for: "a full window") {
                try feed(300)
                return rig.arrived.count == 4
            }
            try rig.pass(.milliseconds(200))
            #expect(rig.arrived.count == 4)
            try rig.storeEverything()
            try rig.wait(for: "all frames") {
                try feed(300)
                return rig.arrived.count == 300
            }
            #expect(rig.arrived.map { $0.header.cameraFrame?.value } == Array(0..<300))
            #expect(rig.sequences(of: "p") == Array(0..<300))
        }
        #expect(counters.accepted == 300)
    }

    @Test func aFullLiveWindowShedsTheOldestUnsentFrames() async throws {
        let counters = try await withIngest({ $0.live = .init(frames: 4, bytes: 1 << 20, inFlight: 2) }) { rig in
            let request = try rig.feeder(.request)
            let image = try jpeg()
            // Infer is connected before the first frame that counts.
            _ = try rig.ask(request, #"{"stream":"first"}"#, image)
            try rig.wait(for: "the connection to infer") { rig.arrived.count == 1 }
            rig.arrived = []
            rig.acknowledges = false
            for _ in 0..<10 { #expect(try rig.ask(request, #"{"stream":"l","delivery":"live"}"#, image) == "OK") }
            try rig.wait(for: "frames in flight") { rig.arrived.count >= 2 }
            try rig.storeEverything()
            try rig.wait(for: "all outcomes") { rig.arrived.count == 10 }
            #expect(rig.sequences(of: "l") == Array(0..<10))
            let shed = rig.arrived.filter { $0.header.drop?.reason == .shed }.map(\.header.sequence.value)
            #expect(shed == [2, 3, 4, 5, 6, 7], "two in flight, the two most recent kept")
        }
        #expect(counters.drops == [.shed: 6])
        #expect(counters.accepted == 11)
    }

    @Test func aReturningInferGetsEverythingUnacknowledgedInOrder() async throws {
        try await withIngest { rig in
            let request = try rig.feeder(.request)
            let image = try jpeg()
            for _ in 0..<3 { _ = try rig.ask(request, #"{"stream":"s"}"#, image) }
            try rig.wait(for: "three frames") { rig.arrived.count == 3 }
            try rig.pass(.milliseconds(100))
            rig.acknowledges = false
            for _ in 0..<4 { _ = try rig.ask(request, #"{"stream":"s"}"#, image) }
            try rig.wait(for: "four more") { rig.arrived.count == 7 }
            rig.stopInfer()
            for _ in 0..<2 { _ = try rig.ask(request, #"{"stream":"s"}"#, image) }
            rig.arrived = []
            rig.acknowledges = true
            try rig.startInfer()
            // What was in the socket may come first; then everything in order.
            try rig.wait(for: "the resend") { rig.sequences(of: "s").suffix(6) == [3, 4, 5, 6, 7, 8] }
            let again = try #require(rig.arrived.last { $0.header.sequence == SequenceNumber(3) })
            #expect(again.header.resends == 1)
            #expect(again.header.oldestUnacknowledged <= SequenceNumber(3))
        }
    }

    @Test func aReturningSinkGetsWhatItMissed() async throws {
        let counters = try await withIngest { rig in
            let request = try rig.feeder(.request)
            rig.acknowledges = false
            for _ in 0..<3 { _ = try rig.ask(request, #"{"stream":"s"}"#, try jpeg()) }
            try rig.wait(for: "three frames") { rig.arrived.count == 3 }
            rig.stopSink()
            try rig.pass(.milliseconds(100))
            rig.acknowledges = true
            try rig.startSink()
            try rig.wait(for: "the resend") { rig.sequences(of: "s") == [0, 1, 2, 0, 1, 2] }
        }
        #expect(counters.resent == 3)
    }

    @Test func silenceIsAnsweredWithAResend() async throws {
        try await withIngest({
            $0.retry = RetryTimer.Policy(initial: .milliseconds(300), minimum: .milliseconds(300), maximum: .seconds(2))
        }) { rig in
            rig.acknowledges = false
            _ = try rig.ask(try rig.feeder(.request), #"{"stream":"s"}"#, try jpeg())
            try rig.wait(for: "a resend") { rig.arrived.count >= 2 }
            #expect(rig.arrived.prefix(2).map(\.header.resends) == [0, 1])
            rig.acknowledges = true
        }
    }

    @Test func aStreamLeavesAnInferThatStaysAway() async throws {
        try await withIngest({
            $0.infers.insert("ipc:///tmp/posebus-nobody-\(UInt64.random(in: 0 ... .max))", at: 0)
            $0.moveAfter = .milliseconds(100)
        }) { rig in
            // None is there, so the streams are put to both, and wait.
            rig.stopInfer()
            try rig.pass(.milliseconds(200))
            let request = try rig.feeder(.request)
            for stream in 0..<16 { _ = try rig.ask(request, #"{"stream":"s\#(stream)"}"#, try jpeg()) }
            #expect(rig.arrived.isEmpty)
            try rig.startInfer()
            try rig.wait(for: "all streams at the infer that is there") { rig.arrived.count >= 16 }
            for stream in 0..<16 { _ = try rig.ask(request, #"{"stream":"s\#(stream)"}"#, try jpeg()) }
            try rig.wait(for: "their next frames") { rig.arrived.count >= 32 }
            for stream in 0..<16 { #expect(rig.sequences(of: "s\(stream)") == [0, 1]) }
        }
    }

    @Test func stoppingRefusesEndsAndDrains() async throws {
        let stop = StopSignal()
        let counters = try await withIngest(stop: stop) { rig in
            let request = try rig.feeder(.request)
            let image = try jpeg()
            rig.acknowledges = false
            _ = try rig.ask(request, #"{"stream":"s"}"#, image)
            try rig.wait(for: "the frame") { rig.arrived.count == 1 }
            stop.request()
            try rig.wait(for: "the end of the session") { rig.arrived.last?.header.isEnd == true }
            #expect(try rig.ask(request, #"{"stream":"s"}"#, image).hasPrefix("ERR stopping: "))
            try rig.storeEverything()
        }
        #expect(counters.sessionsFinished == 1)
        #expect(counters.refusals == ["stopping": 1])
    }

    @Test func stoppingDoesNotWaitForEver() async throws {
        let counters = try await withIngest({ $0.drain = .milliseconds(300) }) { rig in
            rig.acknowledges = false
            _ = try rig.ask(try rig.feeder(.request), #"{"stream":"s"}"#, try jpeg())
        }
        #expect(counters.sessionsFinished == 0)
        #expect(counters.accepted == 1)
    }

    @Test func aPortInUseIsNamed() async throws {
        let context = try Context()
        let socket = try Socket(.pull, in: context)
        let endpoint = try socket.bind("tcp://127.0.0.1:*")
        do {
            try await withIngest({ $0.pushEndpoint = endpoint }) { _ in }
            Issue.record("started twice")
        } catch let failure as StageFailure {
            #expect(failure.exitCode == .unavailable)
            #expect(failure.description.contains(endpoint))
            #expect(failure.description.contains("--bind-push"))
        }
    }
}
