import Delivery
import Foundation
import Ingest
import JPEG
import Messages
import Synchronization
import Testing
import ZeroMQ

/// Ingest with a spool: on disk before confirmed, and continued after its end.
@Suite struct SpoolingTests {
    /// A folder that is gone when its owner is.
    final class Folder: Sendable {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("posebus-\(UUID().uuidString)").path
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    /// A JPEG of noise, which does not compress: some 50 kB.
    static func noise() throws -> Message {
        var random = SystemRandomNumberGenerator()
        let pixels = (0..<(3 * 200 * 200)).map { _ in UInt8.random(in: 0...255, using: &random) }
        return Message(try pixels.withUnsafeBytes { try JPEGEncoder().encode($0, width: 200, height: 200) })
    }

    @Test func theNextIngestGoesOnWithTheSameSession() async throws {
        let folder = Folder()
        let image = try jpeg()
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let first = try await withIngest({
            $0.spool = folder.path
            $0.drain = .milliseconds(300)
            $0.endsSessions = true
        }) { rig in
            rig.acknowledges = false
            let request = try rig.feeder(.request)
            for frame in 0..<3 {
                #expect(try rig.ask(request, #"{"stream":"s","frame":\#(frame)}"#, image) == "OK \(frame)")
            }
            #expect(try rig.ask(request, #"{"stream":"s","frame":3,"traceparent":"\#(traceparent)"}"#, image) == "OK 3")
            _ = try rig.ask(request, #"{"stream":"s","frame":4}"#, Message("no image"))
        }
        #expect(first.acknowledged == 0 && first.accepted == 5)
        let second = try await withIngest({ $0.spool = folder.path }) { rig in
            try rig.wait(for: "everything, and the end that the stop has given it") { rig.ended.count == 1 }
            #expect(rig.sequences(of: "s") == [0, 1, 2, 3, 4])
            #expect(Set(rig.arrived.map(\.header.session)).count == 1)
            #expect(rig.arrived.map(\.header.drop?.reason) == [nil, nil, nil, nil, .corruptJPEG, nil])
            #expect(rig.arrived.prefix(4).allSatisfy { $0.payload.map(bytes) == bytes(image) })
            #expect(rig.arrived.map(\.header.cameraFrame?.value).prefix(5) == [0, 1, 2, 3, 4])
            let session = try #require(rig.arrived.first?.header.session)
            let given = try #require(TraceContext(traceparent: traceparent))
            #expect(rig.arrived[3].header.traceID == given.traceID)
            #expect(rig.arrived[3].header.parentSpanID == given.parentSpanID)
            #expect(rig.arrived[4].header.traceID == TraceID(session: session, sequence: SequenceNumber(4)))
        }
        #expect((second.sessionsContinued, second.restored, second.accepted) == (1, 6, 0))
        let third = try await withIngest({ $0.spool = folder.path }) { _ in }
        #expect(third.restored == 0 || third.sessionsFinished == third.sessionsContinued)
    }

    @Test func aStopLeavesSessionsOpenForTheNextIngest() async throws {
        let folder = Folder()
        let image = try jpeg()
        let sessions = Mutex(Set<SessionID>())
        for start: UInt64 in 0..<3 {
            let counters = try await withIngest({ $0.spool = folder.path }) { rig in
                let request = try rig.feeder(.request)
                let frames: [UInt64] = [2 * start, 2 * start + 1]
                for frame in frames {
                    let header = #"{"stream":"s","feeder":"f","frame":\#(frame)}"#
                    #expect(try rig.ask(request, header, image) == "OK \(frame)")
                }
                try rig.wait(for: "both frames") { rig.sequences(of: "s").count == 2 }
                #expect(rig.sequences(of: "s") == frames)
                #expect(rig.ended.isEmpty)
                sessions.withLock { $0.formUnion(rig.arrived.map(\.header.session)) }
            }
            // All was acknowledged and the stop has written that down, so nothing is sent again.
            #expect((counters.restored, counters.sessionsContinued) == (0, start == 0 ? 0 : 1))
        }
        #expect(sessions.withLock(\.count) == 1)
    }

    @Test func aFullSpoolMakesLosslessFeedersWait() async throws {
        let folder = Folder()
        let image = try Self.noise()
        try await withIngest({
            $0.spool = folder.path
            $0.spoolBytes = 1 << 20
        }) { rig in
            rig.acknowledges = false
            let dealer = try rig.feeder(.dealer)
            var answered = 0
            func takeAnswers() throws {
                while case .parts(let parts)? = try dealer.receive() {
                    #expect(parts.last?.text == "OK \(answered)")
                    answered += 1
                }
            }
            // Fewer than a feeder may have waiting, more than fit.
            for frame in 0..<60 {
                try rig.wait(for: "room in the socket") {
                    try takeAnswers()
                    return try dealer.send([Message(#"{"stream":"d","frame":\#(frame)}"#), image])
                }
            }
            try rig.wait(for: "the first answers") {
                try takeAnswers()
                return answered > 3
            }
            try rig.pass(.milliseconds(500))
            try takeAnswers()
            #expect(answered < 40)
            try rig.storeEverything()
            try rig.wait(for: "all answers") {
                try takeAnswers()
                return answered == 60
            }
            try rig.wait(for: "all frames") { rig.sequences(of: "d") == Array(0..<60) }
        }
    }

    @Test func aFullSpoolShedsLiveFramesAsRecordedDrops() async throws {
        let folder = Folder()
        let image = try Self.noise()
        let counters = try await withIngest({
            $0.spool = folder.path
            $0.spoolBytes = 1 << 20
            $0.live = .init(frames: 100, bytes: 64 << 20, inFlight: 50)
        }) { rig in
            rig.acknowledges = false
            let request = try rig.feeder(.request)
            var shed: [UInt64] = []
            for frame in 0..<40 as Range<UInt64> {
                let answer = try rig.ask(request, #"{"stream":"l","delivery":"live","frame":\#(frame)}"#, image)
                if answer.hasPrefix("ERR shed") { shed.append(frame) } else { #expect(answer == "OK \(frame)") }
            }
            #expect(shed.count > 5 && shed == Array(shed[0]..<40))
            try rig.storeEverything()
            try rig.wait(for: "an outcome for every frame") { rig.sequences(of: "l") == Array(0..<40) }
            let dropped = rig.arrived.filter { $0.header.drop?.reason == .shed }.map(\.header.sequence.value)
            #expect(dropped == shed)
        }
        #expect(counters.accepted == 40)
    }

    @Test func aFrameThatIsKnownIsAnsweredAgainAndNotTakenTwice() async throws {
        let folder = Folder()
        let image = try jpeg()
        @Sendable func header(_ frame: Int, oldest: Int) -> String {
            #"{"stream":"s","feeder":"me","frame":\#(frame),"oldest":\#(oldest)}"#
        }
        try await withIngest({
            $0.spool = folder.path
            $0.drain = .milliseconds(100)
        }) { rig in
            rig.acknowledges = false
            let request = try rig.feeder(.request)
            for frame in 0..<3 { #expect(try rig.ask(request, header(frame, oldest: frame), image) == "OK \(frame)") }
            #expect(try rig.ask(request, header(1, oldest: 1), image) == "OK 1")
            #expect(try rig.ask(request, header(5, oldest: 3), image).hasPrefix("ERR 5 out_of_order: "))
            #expect(try rig.ask(request, header(3, oldest: 3), Message("bad")).hasPrefix("ERR 3 corrupt_jpeg: "))
            #expect(try rig.ask(request, header(3, oldest: 3), Message("bad")) == "OK 3")
            try rig.wait(for: "four frames") { rig.arrived.count == 4 }
            try rig.pass(.milliseconds(100))
            #expect(rig.sequences(of: "s") == [0, 1, 2, 3])
        }
    }
}
