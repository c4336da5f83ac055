import Foundation
import Messages
import Sink
import Stage
import Store
import Testing
import ZeroMQ

@Suite("The sink orders, stores, acknowledges and publishes", .serialized, .timeLimit(.minutes(5)))
struct SinkTests {
    let folder: TemporaryFolder
    let session: FakeSession

    init() throws {
        folder = try TemporaryFolder()
        session = try FakeSession("cam")
    }

    /// A subscriber whose subscription stands: the sink has answered it.
    private func subscribe(_ sink: RunningSink, to prefix: String) throws -> Socket {
        let socket = try sink.connect(.subscribe, to: "results")
        try socket.subscribe(prefix)
        let push = try sink.connect(.push, to: "outcomes")
        let probe = prefix.hasPrefix(Topic.session) ? Topic.session : prefix
        // Sessions of their own go by until one is seen.
        let deadline = ContinuousClock.now + patience
        var number = 0
        while ContinuousClock.now < deadline {
            number += 1
            let settle = try FakeSession("settle\(number)")
            try push.push([settle.pose(0)])
            for _ in 0..<10 {
                if case .parts(let parts)? = try socket.receive(), parts[0].text?.hasPrefix(probe) == true {
                    return socket
                }
                Thread.sleep(forTimeInterval: 0.005)
            }
        }
        throw Late(what: "the subscription never took effect")
    }

    private func waitUntilStored(_ sink: RunningSink, _ next: SequenceNumber) throws {
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        _ = try acks.acknowledgement { $0.next >= next }
    }

    /// The next message about this test's stream.
    private func next(_ socket: Socket) throws -> (topic: String, body: Message) {
        while true {
            let parts = try socket.next()
            let topic = try #require(parts[0].text)
            if topic.hasSuffix("/\(session.stream)") { return (topic, parts[1]) }
        }
    }

    @Test("What arrives out of order and twice is stored, acknowledged and published in order and once")
    func order() throws {
        let sink = try RunningSink(store: folder.store)
        let results = try subscribe(sink, to: Topic.posePB)
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        #expect(try acks.acknowledgement { _ in true }.next == .first)

        let push = try sink.connect(.push, to: "outcomes")
        let arriving: [UInt64] = [2, 0, 0, 3, 1, 2, 4]
        try push.push(arriving.map(session.pose) + [session.drop(5)])
        #expect(try acks.acknowledgement { $0.next == SequenceNumber(6) }.ended == false)

        let published = try (0..<6).map { _ in try Outcome(wire: try next(results).body.bytes) }
        #expect(published.map(\.frame.sequence.value) == Array(0..<6))
        #expect(published[5].drop?.reason == .corruptJPEG)
        let counters = try sink.finish()
        #expect(counters.duplicates == 2)
        let stored = try StoreReader(path: folder.store).outcomes(of: session.id)
        #expect(try stored.map { try $0.outcome() } == published)
    }

    @Test("The times of the sink are filled in, those of others kept")
    func timing() throws {
        let sink = try RunningSink(store: folder.store)
        let results = try subscribe(sink, to: Topic.posePB)
        let push = try sink.connect(.push, to: "outcomes")
        try push.push([session.pose(0)])
        let timing = try Outcome(wire: try next(results).body.bytes).timing
        #expect((timing.ingest, timing.queue, timing.infer) == (1, 2, 3))
        #expect(timing.total > 0 && timing.total < 300_000 && timing.sink >= 0 && timing.sink <= timing.total)
        try sink.finish()
    }

    @Test("JSON for those who ask for it, with the session's beginning and end around it")
    func jsonAndEvents() throws {
        let sink = try RunningSink(store: folder.store)
        let results = try subscribe(sink, to: "")
        let push = try sink.connect(.push, to: "outcomes")
        try push.push([session.end(2), session.pose(1), session.drop(0)])
        var topics: [String] = []
        var events: [[String: Any]] = []
        while topics.last != Topic.session + "cam" || topics.count < 2 {
            let (topic, body) = try next(results)
            topics.append(topic)
            let object = try? JSONSerialization.jsonObject(with: Data(body.bytes)) as? [String: Any]
            if topic.hasPrefix(Topic.session) { events.append(try #require(object)) }
            if topic.hasPrefix(Topic.poseJSON) { #expect(object?["stream"] as? String == "cam") }
        }
        #expect(
            topics == [
                "session/json/cam", "pose/pb/cam", "pose/json/cam", "pose/pb/cam", "pose/json/cam", "session/json/cam",
            ])
        #expect(events.map { $0["event"] as? String } == ["begin", "end"])
        #expect(events[1]["frames"] as? Int == 2 && events[1]["poses"] as? Int == 1 && events[1]["drops"] as? Int == 1)
        #expect(events[1]["session"] as? String == session.id.description && events[1]["v"] as? Int == 1)
        try sink.finish()
    }

    @Test("A form nobody asked for is not made")
    func unsubscribed() throws {
        let sink = try RunningSink(store: folder.store)
        let results = try subscribe(sink, to: Topic.poseJSON + "settle")
        _ = results
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        let push = try sink.connect(.push, to: "outcomes")
        try push.push(session.poses(0..<20))
        _ = try acks.acknowledgement { $0.next == SequenceNumber(20) }
        let counters = try sink.finish()
        #expect(counters.poses >= 20)
        #expect(counters.published > 0 && counters.published <= counters.poses - 20)
    }

    @Test("A restarted sink goes on where its store ends, and says so to whoever subscribes")
    func restart() throws {
        let first = try RunningSink(store: folder.store)
        let push = try first.connect(.push, to: "outcomes")
        try push.push(session.poses(0..<10))
        try waitUntilStored(first, SequenceNumber(10))
        #expect(try first.finish().poses == 10)

        let second = try RunningSink(store: folder.store)
        let acks = try second.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        #expect(
            try acks.acknowledgement { _ in true } == Acknowledgement(session: session.id, next: SequenceNumber(10)))
        let again = try second.connect(.push, to: "outcomes")
        // All of it once more, as an ingest that heard nothing sends it.
        try again.push(session.poses(0..<12) + [session.end(12)])
        #expect(try acks.acknowledgement { $0.ended }.next == SequenceNumber(12))
        let counters = try second.finish()
        #expect((counters.duplicates, counters.poses) == (10, 2))
        #expect(try StoreReader(path: folder.store).session(session.id)?.frames == 12)
    }

    @Test("Duplicates are acknowledged again, those of an ended session too")
    func acknowledgedAgain() throws {
        let sink = try RunningSink(store: folder.store)
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        let push = try sink.connect(.push, to: "outcomes")
        try push.push(session.poses(0..<3) + [session.end(3)])
        _ = try acks.acknowledgement { $0.ended }
        for repeated in [session.pose(1), session.end(3)] {
            try push.push([repeated])
            #expect(
                try acks.acknowledgement { _ in true }
                    == Acknowledgement(
                        session: session.id, next: SequenceNumber(3), ended: true))
        }
        try sink.finish()
    }

    @Test("What is no outcome is refused by kind and disturbs nothing")
    func refusals() throws {
        let sink = try RunningSink(store: folder.store)
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        let push = try sink.connect(.push, to: "outcomes")
        var otherVersion = session.pose(0).wireBytes()
        // FrameHeader.version is the first field of the first field: 0A <length…> 08 01.
        let version = try #require(otherVersion.firstRange(of: [0x08, 0x01]))
        otherVersion[version.upperBound - 1] = 99
        for message in [[Message([0xff, 0xff, 0xff])], [Message([])], [Message(otherVersion)]] {
            #expect(try push.send(message, blocking: true))
        }
        #expect(try push.send(Array(repeating: Message("x"), count: 50), blocking: true))
        try push.push([session.pose(0), session.end(1), session.pose(5)])
        _ = try acks.acknowledgement { $0.ended }
        let counters = try sink.finish()
        #expect(counters.refused == ["malformed": 1, "invalid_field": 2, "unknown_version": 1, "contradicts_end": 1])
        #expect(counters.poses == 1)
    }

    @Test("A frame that infer forwards travels beside its outcome and is not stored")
    func forwardedFrames() throws {
        let sink = try RunningSink(store: folder.store)
        let push = try sink.connect(.push, to: "outcomes")
        let outcome = session.pose(0)
        #expect(
            try push.send([Message(outcome.wireBytes()), Message(Array(repeating: 7, count: 100_000))], blocking: true))
        try waitUntilStored(sink, SequenceNumber(1))
        #expect(try sink.finish().poses == 1)
        let stored = try StoreReader(path: folder.store).outcomes(of: session.id)
        #expect(stored.map(\.body.count) == [outcome.wireBytes().count + 12])
    }

    @Test("What infer knows of a session is stored with its outcome, acknowledged with it, and gone with the session")
    func sessionState() throws {
        var sink = try RunningSink(store: folder.store)
        var acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        var push = try sink.connect(.push, to: "outcomes")
        for (sequence, state) in [(0, [1]), (1, [2, 3])] as [(UInt64, [UInt8])] {
            let parts = [Message(session.pose(sequence).wireBytes()), Message([]), Message(state)]
            #expect(try push.send(parts, blocking: true))
        }
        #expect(try acks.acknowledgement { $0.next == SequenceNumber(2) }.sessionState == [2, 3])
        _ = try sink.finish()

        // Another sink knows it from the store.
        sink = try RunningSink(store: folder.store)
        acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        #expect(try acks.acknowledgement { _ in true }.sessionState == [2, 3])
        push = try sink.connect(.push, to: "outcomes")
        // An outcome without a state says nothing new.
        try push.push([session.drop(2)])
        #expect(try acks.acknowledgement { $0.next == SequenceNumber(3) }.sessionState == [2, 3])
        try push.push([Outcome(frame: session.header(3, isEnd: true))])
        #expect(try acks.acknowledgement(until: \.ended).sessionState == [])
        _ = try sink.finish()
        #expect(try StoreReader(path: folder.store).inferState(of: session.id) == [])
    }

    @Test("A session that its ingest cannot end any more is closed when its stream goes on without it")
    func cutOff() throws {
        let sink = try RunningSink(store: folder.store) { $0.closeAfter = .milliseconds(100) }
        let results = try subscribe(sink, to: Topic.session)
        let push = try sink.connect(.push, to: "outcomes")
        try push.push(session.poses(0..<3))
        try waitUntilStored(sink, SequenceNumber(3))
        let successor = try FakeSession("cam")
        try push.push([successor.pose(0), successor.end(1)])
        var ends: [String: Bool] = [:]
        while ends.count < 2 {
            let body = try next(results).body
            let event = try #require(try JSONSerialization.jsonObject(with: Data(body.bytes)) as? [String: Any])
            guard event["event"] as? String == "end", let id = event["session"] as? String else { continue }
            ends[id] = event["complete"] as? Bool
            #expect(event["frames"] as? Int == (id == session.id.description ? 3 : 1))
        }
        #expect(ends == [session.id.description: false, successor.id.description: true])
        // Its ingest was only slow: its outcomes are taken as ever.
        try push.push([session.pose(3), session.end(4)])
        try waitUntilStored(sink, SequenceNumber(4))
        try sink.finish()
        #expect(try StoreReader(path: folder.store).session(session.id)?.next == SequenceNumber(4))
    }

    @Test("Stopping stores everything that has been sent")
    func drain() throws {
        let sink = try RunningSink(store: folder.store) {
            $0.drainLimit = patience
            $0.drainQuiet = .seconds(2)
        }
        let push = try sink.connect(.push, to: "outcomes")
        try push.push(session.poses(0..<2000))
        // The connection stands; most is still on its way.
        try waitUntilStored(sink, SequenceNumber(1))
        #expect(try sink.finish().poses == 2000)
        #expect(try StoreReader(path: folder.store).session(session.id)?.next == SequenceNumber(2000))
    }

    @Test("Draining ends with the outcomes, not with whatever else wakes the sink meanwhile")
    func drainUndisturbed() throws {
        let sink = try RunningSink(store: folder.store) {
            // Only the session's end can end this drain.
            $0.drainQuiet = .seconds(3600)
            $0.drainLimit = .seconds(3600)
        }
        let push = try sink.connect(.push, to: "outcomes")
        try push.push(session.poses(0..<1))
        try waitUntilStored(sink, SequenceNumber(1))
        sink.requestStop()
        let acks = try sink.connect(.subscribe, to: "acks")
        for _ in 0..<10 {
            // Each subscription wakes it; the answer says that it has turned since.
            let other = try FakeSession("other")
            try acks.subscribe(other.acknowledgementTopic)
            #expect(try acks.acknowledgement { $0.session == other.id }.next == .first)
        }
        try push.push(session.poses(1..<20) + [session.end(20)])
        #expect(try sink.finish().poses == 20)
    }

    @Test("Draining takes what comes until it has been quiet for a while")
    func drainQuiet() throws {
        let sink = try RunningSink(store: folder.store) { $0.drainQuiet = .milliseconds(20) }
        let push = try sink.connect(.push, to: "outcomes")
        try push.push(session.poses(0..<1))
        try waitUntilStored(sink, SequenceNumber(1))
        // The session never ends: it must not be waited for for ever.
        #expect(try sink.finish().poses == 1)
    }

    @Test("An outcome that comes alone is committed at once; those that follow closely share a commit")
    func commitSpacing() throws {
        let sink = try RunningSink(store: folder.store) { $0.commitSpacing = .seconds(3600) }
        let push = try sink.connect(.push, to: "outcomes")
        try push.push(session.poses(0..<1))
        try waitUntilStored(sink, SequenceNumber(1))
        for sequence in 1..<100 as Range<UInt64> {
            try push.push([session.pose(sequence)])
            Thread.sleep(forTimeInterval: 0.002)
        }
        let counters = try sink.finish()
        #expect(counters.poses == 100)
        // Without the pause nearly every one has its own.
        #expect(counters.commits < 50)
    }

    @Test("A port in use and a store that cannot be written end the start, each with its own status")
    func start() throws {
        let sink = try RunningSink(store: folder.store)
        let inUse = #expect(throws: ZeroMQError.self) {
            _ = try RunningSink(store: folder.store + "2") { $0.bindAcknowledgements = sink.readiness["acks"]! }
        }
        #expect(inUse?.code == .addressInUse)
        let missing = #expect(throws: StageFailure.self) { _ = try RunningSink(store: "/no/such/folder/store.sqlite") }
        #expect(missing?.exitCode == .cannotCreate)
        #expect(missing?.description.contains("/no/such/folder/store.sqlite") == true)
        try sink.finish()
    }
}
