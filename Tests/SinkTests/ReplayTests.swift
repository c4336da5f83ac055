import Foundation
import Messages
import Sink
import Stage
import Testing
import ZeroMQ

@Suite("Stored outcomes are played back", .serialized, .timeLimit(.minutes(5)))
struct ReplayTests {
    let folder: TemporaryFolder
    let session: FakeSession
    let sink: RunningSink

    init() throws {
        folder = try TemporaryFolder()
        session = try FakeSession("cam")
        let session = session
        sink = try RunningSink(store: folder.store) { $0.replayPatience = patience }
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        let push = try sink.connect(.push, to: "outcomes")
        try push.push(session.poses(0..<600))
        _ = try acks.acknowledgement { $0.next == SequenceNumber(600) }
    }

    private func object(_ message: Message) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(message.bytes))) as? [String: Any]
    }

    /// Messages up to the one that ends the answer, and that one.
    private func answer(_ socket: Socket) throws -> (outcomes: [Message], end: [String: Any]) {
        var outcomes: [Message] = []
        while true {
            let parts = try socket.next()
            #expect(parts.count == 1)
            if let end = object(parts[0]), end["end"] as? Bool == true { return (outcomes, end) }
            outcomes.append(parts[0])
        }
    }

    @Test("A DEALER gets one message an outcome, in order, then the end")
    func dealer() throws {
        let dealer = try sink.connect(.dealer, to: "replay")
        #expect(try dealer.send([Message(#"{"stream":"cam","format":"pb"}"#)], blocking: true))
        let (outcomes, end) = try answer(dealer)
        #expect(try outcomes.map { try Outcome(wire: $0.bytes).frame.sequence.value } == Array(0..<600))
        #expect(end["count"] as? Int == 600 && end["next"] as? Int == 600 && end["more"] as? Bool == false)
        #expect(end["session"] as? String == session.id.description)

        // Two requests at once are answered one after the other.
        for range in [(100, 102), (7, 7)] {
            let request = #"{"session":"\#(session.id)","from":\#(range.0),"to":\#(range.1),"format":"json"}"#
            #expect(try dealer.send([Message(request)], blocking: true))
        }
        let first = try answer(dealer).outcomes.map { object($0)?["sequence"] as? Int }
        #expect(first == [100, 101, 102])
        #expect(try answer(dealer).outcomes.map { object($0)?["sequence"] as? Int } == [7])
        try sink.finish()
    }

    @Test("A REQ gets one message with a bounded number of outcomes, and where to go on")
    func request() throws {
        var seen: [UInt64] = []
        var next = 0
        var rounds = 0
        while true {
            let socket = try sink.connect(.request, to: "replay")
            #expect(try socket.send([Message(#"{"stream":"cam","from":\#(next),"format":"pb"}"#)], blocking: true))
            let parts = try socket.next(maxParts: 1000)
            rounds += 1
            let end = try #require(object(parts[parts.count - 1]))
            #expect(end["count"] as? Int == parts.count - 1)
            seen += try parts.dropLast().map { try Outcome(wire: $0.bytes).frame.sequence.value }
            next = try #require(end["next"] as? Int)
            if end["more"] as? Bool == false { break }
        }
        #expect(seen == Array(0..<600))
        #expect(rounds == 3)
        try sink.finish()
    }

    @Test(
        "What cannot be answered says why",
        arguments: [#"{"stream":"nobody"}"#, "garbage", #"{"session":"\#(SessionID())"}"#])
    func errors(_ request: String) throws {
        let dealer = try sink.connect(.dealer, to: "replay")
        #expect(try dealer.send([Message(request)], blocking: true))
        let (outcomes, end) = try answer(dealer)
        #expect(outcomes.isEmpty)
        #expect((end["error"] as? String)?.isEmpty == false)
        try sink.finish()
    }

    @Test("Nothing in the range: just the end")
    func empty() throws {
        let dealer = try sink.connect(.dealer, to: "replay")
        #expect(try dealer.send([Message(#"{"stream":"cam","from":600}"#)], blocking: true))
        let (outcomes, end) = try answer(dealer)
        #expect(outcomes.isEmpty && end["count"] as? Int == 0 && end["error"] == nil)
        try sink.finish()
    }

    @Test("The end of an answer says whether the session has ended and which one follows it in its stream")
    func successor() throws {
        let dealer = try sink.connect(.dealer, to: "replay")
        let request = Message(#"{"session":"\#(session.id)","from":600}"#)
        #expect(try dealer.send([request], blocking: true))
        let running = try answer(dealer).end
        #expect(running["ended"] as? Bool == false && running["next_session"] == nil)
        #expect(running["poses"] as? Int == 600 && running["drops"] as? Int == 0)

        let (other, second, third) = try (FakeSession("cam 2"), FakeSession("cam"), FakeSession("cam"))
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(third.acknowledgementTopic)
        let push = try sink.connect(.push, to: "outcomes")
        try push.push([session.end(600), other.pose(0), second.pose(0), third.drop(0)])
        _ = try acks.acknowledgement { $0.next == SequenceNumber(1) }
        for (session, next) in [(session, second), (second, third)] {
            #expect(try dealer.send([Message(#"{"session":"\#(session.id)"}"#)], blocking: true))
            #expect(try answer(dealer).end["next_session"] as? String == next.id.description)
        }
        #expect(try dealer.send([request], blocking: true))
        #expect(try answer(dealer).end["ended"] as? Bool == true)
        #expect(try dealer.send([Message(#"{"session":"\#(third.id)"}"#)], blocking: true))
        let last = try answer(dealer).end
        #expect(last["next_session"] == nil && last["poses"] as? Int == 0 && last["drops"] as? Int == 1)
        try sink.finish()
    }

    @Test("A peer that reads nothing is cut off, and nobody waits for it meanwhile")
    func stuckPeer() throws {
        try sink.finish()
        let sink = try RunningSink(store: folder.store) { $0.replayPatience = .milliseconds(300) }
        var options = SocketOptions.patient
        options.receiveHighWaterMark = 1
        let stuck = try Socket(.dealer, in: sink.context, options: options)
        try stuck.connect(try #require(sink.readiness["replay"]))
        // 60 requests for 600 outcomes of 1 kB each: more than the kernel's buffers hold.
        for _ in 0..<60 { #expect(try stuck.send([Message(#"{"stream":"cam"}"#)], blocking: true)) }

        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        let push = try sink.connect(.push, to: "outcomes")
        for sequence in 600..<700 as Range<UInt64> {
            try push.push([session.pose(sequence)])
            _ = try acks.acknowledgement { $0.next == SequenceNumber(sequence + 1) }
        }
        let other = try sink.connect(.dealer, to: "replay")
        #expect(try other.send([Message(#"{"stream":"cam","from":690}"#)], blocking: true))
        #expect(try answer(other).outcomes.count == 10)
        // All that was asked for would be 60 times 600 outcomes.
        try sink.waitForLog("cut off a peer of replay")
        let counters = try sink.finish()
        #expect(counters.replayed < 36_000)
    }
}
