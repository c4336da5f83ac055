import Client
import Foundation
import Messages
import Sink
import Stage
import Testing
import ZeroMQ

@Suite("An archive reads what a sink has stored", .serialized, .timeLimit(.minutes(5)))
struct ArchiveTests {
    let folder: TemporaryFolder
    let session: FakeSession
    let sink: RunningSink
    let archive: Archive

    init() throws {
        folder = try TemporaryFolder()
        session = try FakeSession("cam")
        sink = try RunningSink(store: folder.store) {
            $0.replayPatience = patience
            $0.frameBytes = 250_000
        }
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(session.acknowledgementTopic)
        let push = try sink.connect(.push, to: "outcomes")
        // 300 pictures of 1,000 bytes, of which 250 have room; one frame is a drop without a picture.
        for (number, outcome) in session.poses(0..<300).enumerated() {
            var outcome = outcome
            outcome.frame.payload = .jpeg
            if number == 280 { outcome.drop = Drop(stage: .ingest, reason: .shed, detail: "") }
            let parts = [Message(outcome.wireBytes())] + (number == 280 ? [] : [Message(picture(number))])
            #expect(try push.send(parts, blocking: true))
        }
        _ = try acks.acknowledgement { $0.next == SequenceNumber(300) }
        archive = Archive(at: sink.readiness["replay"] ?? "", in: sink.context, options: .patient)
    }

    @Test func sessionsAreToldOfInTheOrderInWhichTheyBegan() throws {
        let push = try sink.connect(.push, to: "outcomes")
        let acks = try sink.connect(.subscribe, to: "acks")
        for index in 0..<40 {
            let other = try FakeSession("other\(index % 2)")
            try acks.subscribe(other.acknowledgementTopic)
            try push.push(other.poses(0..<2))
            _ = try acks.acknowledgement { $0.session == other.id && $0.next == SequenceNumber(2) }
        }
        let all = try archive.sessions(timeout: patience)
        #expect(all.count == 41 && all.map(\.beganNs) == all.map(\.beganNs).sorted())
        let first = try #require(all.first)
        #expect(first.stream == session.stream && first.session == session.id)
        #expect(first.first == 0 && first.next == 300 && first.poses == 299 && first.drops == 1)
        #expect(first.keptFrames == 250 && first.endedNs == nil)
        #expect(try archive.sessions(of: StreamName("other1"), timeout: patience).count == 20)
        #expect(try archive.sessions(limit: 3, timeout: patience) == Array(all.suffix(3)))
        #expect(try archive.sessions(of: StreamName("nobody"), timeout: patience).isEmpty)
        try sink.finish()
    }

    @Test func outcomesComeByPages() throws {
        let page = try archive.outcomes(of: session.id, from: SequenceNumber(10), limit: 20, timeout: patience)
        #expect(page.outcomes.map(\.frame.sequence.value) == Array(10..<30))
        #expect(page.next == SequenceNumber(30) && !page.isEnded && page.poses == 299 && page.drops == 1)
        let last = try archive.outcomes(
            of: session.id, from: SequenceNumber(290), through: SequenceNumber(295), limit: 1000, timeout: patience)
        #expect(last.outcomes.map(\.frame.sequence.value) == Array(290...295))
        let beyond = try archive.outcomes(of: session.id, from: SequenceNumber(300), timeout: patience)
        #expect(beyond.outcomes.isEmpty && beyond.next == SequenceNumber(300))
        #expect(throws: ArchiveError.unknownSession) { try archive.outcomes(of: SessionID(), timeout: patience) }
        #expect(throws: ArchiveError.self) { try archive.outcomes(of: session.id, revision: "7", timeout: patience) }
        // Nothing of what was refused is in the way of the next.
        #expect(try archive.outcomes(of: session.id, limit: 1, timeout: patience).outcomes.count == 1)
        try sink.finish()
    }

    @Test func aSessionWhoseBeginningAnotherStoreHasSaysWhereItBegins() throws {
        let late = try FakeSession("late")
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(late.acknowledgementTopic)
        let poses = late.poses(700..<710).map { outcome in
            var outcome = outcome
            outcome.frame.oldestUnacknowledged = SequenceNumber(700)
            return outcome
        }
        try sink.connect(.push, to: "outcomes").push(poses)
        _ = try acks.acknowledgement { $0.next == SequenceNumber(710) }
        let nothing = try archive.outcomes(of: late.id, limit: 20, timeout: patience)
        #expect(nothing.outcomes.isEmpty && nothing.next == SequenceNumber(700))
        let page = try archive.outcomes(of: late.id, from: nothing.next, limit: 20, timeout: patience)
        #expect(page.outcomes.map(\.frame.sequence.value) == Array(700..<710) && page.next == SequenceNumber(710))
        try sink.finish()
    }

    @Test("Of large pictures little is read for a peer that takes none, however many messages its queue could hold")
    func greedy() throws {
        try sink.finish()
        let sink = try RunningSink(store: folder.store) {
            $0.replayPatience = .milliseconds(500)
            $0.frameBytes = 1 << 30
        }
        let large = try FakeSession("large")
        let acks = try sink.connect(.subscribe, to: "acks")
        try acks.subscribe(large.acknowledgementTopic)
        let push = try sink.connect(.push, to: "outcomes")
        for (number, outcome) in large.poses(0..<60).enumerated() {
            var outcome = outcome
            outcome.frame.payload = .jpeg
            let picture = Message(Array(repeating: UInt8(number), count: 1 << 20))
            #expect(try push.send([Message(outcome.wireBytes()), picture], blocking: true))
        }
        _ = try acks.acknowledgement { $0.next == SequenceNumber(60) }

        let stuck = try sink.connect(.dealer, to: "replay", highWaterMark: 1)
        let monitor = try Monitor(watching: stuck, in: sink.context)
        for _ in 0..<3 {
            let request = #"{"session":"\#(large.id)","format":"jpeg"}"#
            while try !stuck.send([Message(request)]) { Thread.sleep(forTimeInterval: 0.001) }
        }
        try sink.waitForLog("cut off a peer of replay")
        // It notices once it has read what came before: while its queue is full libzmq reads nothing.
        let deadline = ContinuousClock.now + patience
        while try monitor.next()?.kind != .disconnected {
            _ = try stuck.receive()
            guard .now < deadline else { throw Late(what: "the connection was not ended") }
            Thread.sleep(forTimeInterval: 0.001)
        }
        let reader = Archive(at: sink.readiness["replay"] ?? "", in: sink.context, options: .patient)
        let last = try reader.frame(of: large.id, sequence: SequenceNumber(59), timeout: patience)
        #expect(last?.count == 1 << 20)
        // What the kernel holds of a connection, a share and a page: some 15. All that was asked for would be 180.
        #expect(try sink.finish().replayed < 45)
    }

    @Test func theNewestPicturesAreKept() throws {
        #expect(
            try archive.frame(of: session.id, sequence: SequenceNumber(299), timeout: patience)?.bytes == picture(299))
        #expect(
            try archive.frame(of: session.id, sequence: SequenceNumber(49), timeout: patience)?.bytes == picture(49))
        #expect(try archive.frame(of: session.id, sequence: SequenceNumber(48), timeout: patience) == nil)
        #expect(try archive.frame(of: session.id, sequence: SequenceNumber(280), timeout: patience) == nil)
        try sink.finish()
    }

    @Test func aTimelineTellsOfEveryFrame() throws {
        let timeline = try archive.timeline(of: session.id, timeout: patience)
        #expect(timeline.first == 0 && timeline.next == 300 && timeline.captureTimeNs.count == 300)
        #expect(timeline.drops == [.init(sequence: 280, stage: "ingest", reason: "shed")])
        #expect(timeline.kept == [[49, 279], [281, 299]])
        try sink.finish()
    }

    @Test func aSinkThatIsNotThereIsNamed() throws {
        let nobody = Archive(at: "tcp://127.0.0.1:1", in: sink.context)
        #expect(throws: ArchiveError.timeout("tcp://127.0.0.1:1")) { try nobody.sessions(timeout: .milliseconds(200)) }
        try sink.finish()
    }

    @Test("A REQ gets pictures as pairs of parts")
    func request() throws {
        let socket = try sink.connect(.dealer, to: "replay")
        let request = #"{"session":"\#(session.id)","from":298,"format":"jpeg"}"#
        #expect(try socket.send([Message([]), Message(request)], blocking: true))
        let parts = try socket.next()
        #expect(parts.count == 6)
        #expect(parts[1].text?.contains(#""sequence":298"#) == true && parts[2].bytes == picture(298))
        #expect(parts[3].text?.contains(#""sequence":299"#) == true && parts[4].bytes == picture(299))
        #expect(parts[5].text?.contains(#""count":2"#) == true)
        try sink.finish()
    }

    @Test(
        "A request that is none is answered, and disturbs nothing",
        arguments: [
            #"{"session":3}"#, #"{"stream":"cam","format":"png"}"#, #"{"stream":"cam","revision":"newest"}"#,
            #"{"stream":"cam","revision":-1}"#, #"{"stream":"cam","revision":[]}"#, #"{"sessions":true,"limit":-1}"#,
            #"{"sessions":"yes"}"#, "[", "",
        ])
    func hostile(_ text: String) throws {
        let socket = try sink.connect(.dealer, to: "replay")
        #expect(try socket.send([Message(text)], blocking: true))
        #expect(try socket.next().last?.text?.contains(#""error":"#) == true)
        #expect(try archive.sessions(limit: Int.max, timeout: patience).count == 1)
        try sink.finish()
    }
}

private func picture(_ number: Int) -> [UInt8] {
    Array(repeating: UInt8(truncatingIfNeeded: number), count: 1000)
}
