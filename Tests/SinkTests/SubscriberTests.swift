import Client
import Foundation
import Messages
import Sink
import Stage
import Testing
import ZeroMQ

@Suite("A subscriber of a real sink misses nothing", .serialized, .timeLimit(.minutes(1)))
struct SubscriberTests {
    let folder: TemporaryFolder
    let session: FakeSession
    let sink: RunningSink

    init() throws {
        folder = try TemporaryFolder()
        session = try FakeSession("cam")
        sink = try RunningSink(store: folder.store)
    }

    private func subscriber(
        _ sink: RunningSink, highWaterMark: Int = 100, positions: [Subscriber.Position] = []
    ) throws -> Subscriber {
        var options = Follower.Options()
        options.streams = [session.stream]
        options.maxPending = 100
        options.probe = .milliseconds(50) ... .milliseconds(400)
        options.replayTimeout = .seconds(1)
        return try Subscriber(
            to: #require(sink.readiness["results"]), replay: #require(sink.readiness["replay"]), options,
            positions: positions, highWaterMark: highWaterMark, in: sink.context)
    }

    /// Sends outcomes as infer does and waits until they are stored.
    private func store(_ outcomes: [Outcome], upTo next: UInt64, in sink: RunningSink) throws {
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        try sink.connect(.push, to: "outcomes").push(outcomes)
        _ = try acks.acknowledgement { $0.next >= SequenceNumber(next) }
    }

    /// The sequences of the next outcomes, and whether the session's end came with them.
    private func read(_ subscriber: Subscriber, _ count: Int) throws -> (sequences: [UInt64], hasEnded: Bool) {
        var sequences: [UInt64] = []
        let deadline = ContinuousClock.now + .seconds(30)
        while .now < deadline {
            switch try subscriber.next(timeout: .milliseconds(200)) {
            case .outcome(let outcome): sequences.append(outcome.frame.sequence.value)
            case .session(let event) where event.event == .end: return (sequences, true)
            default: break
            }
            if sequences.count == count { break }
        }
        return (sequences, false)
    }

    @Test("One that comes late begins at the beginning; one with a position goes on there; the end comes last")
    func late() throws {
        try store(session.poses(0..<500), upTo: 500, in: sink)
        let first = try subscriber(sink)
        #expect(try read(first, 300).sequences == Array(0..<300))
        let positions = first.positions
        #expect(positions.map(\.next) == [300])
        try store(session.poses(500..<600) + [session.end(600)], upTo: 600, in: sink)
        let second = try subscriber(sink, positions: positions)
        let rest = try read(second, .max)
        #expect(rest.sequences == Array(300..<600) && rest.hasEnded)
        #expect(try read(first, .max).sequences == Array(300..<600))
        try sink.finish()
    }

    @Test("One that reads nothing for a while gets it all, and the sink keeps nothing for it")
    func stalled() throws {
        let subscriber = try subscriber(sink, highWaterMark: 10)
        try store([session.pose(0)], upTo: 1, in: sink)
        #expect(try read(subscriber, 1).sequences == [0])
        // Some 30 MB: more than all queues and the kernel hold.
        let before = try residentKilobytes()
        for start in stride(from: 1, to: 20_001, by: 1000) as StrideTo<UInt64> {
            try store(session.poses(start..<start + 1000), upTo: start + 1000, in: sink)
        }
        #expect(try residentKilobytes() - before < 24_000)
        #expect(try read(subscriber, 20_000).sequences == Array(1..<20_001))
        #expect(subscriber.statistics.replayed > 1000, "nothing was dropped: this test shows nothing")
        #expect(subscriber.statistics.missing == 0)
        try sink.finish()
    }

    private func residentKilobytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.filter(\.isNumber)))
    }

    @Test("A restarted sink is followed further, over what was stored meanwhile")
    func restart() throws {
        try store(session.poses(0..<50), upTo: 50, in: sink)
        let endpoints = sink.readiness
        // Its context goes with the subscriber, not with the sink.
        var options = Follower.Options()
        options.streams = [session.stream]
        options.probe = .milliseconds(50) ... .milliseconds(400)
        let subscriber = try Subscriber(
            to: #require(endpoints["results"]), replay: #require(endpoints["replay"]), options, highWaterMark: 100,
            in: Context())
        #expect(try read(subscriber, 50).sequences == Array(0..<50))
        try sink.finish()
        let again = try RunningSink(store: folder.store) {
            $0.bindResults = endpoints["results"] ?? ""
            $0.bindReplay = endpoints["replay"] ?? ""
        }
        try store(session.poses(50..<90), upTo: 90, in: again)
        #expect(try read(subscriber, 40).sequences == Array(50..<90))
        try again.finish()
    }
}
