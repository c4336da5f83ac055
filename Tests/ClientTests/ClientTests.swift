import Client
import Foundation
import Messages
import Synchronization
import Testing
import ZeroMQ

/// Answers a feeder as ingest does, on a thread of its own, until its context is shut down.
final class FakeIngest: Sendable {
    let context: Context
    let endpoint: String
    let headers: Mailbox<FeederHeader>

    /// - Parameter answer: the text for a header; nil for none.
    init(answer: @escaping @Sendable (FeederHeader) -> String?) throws {
        let context = try Context()
        let headers = Mailbox<FeederHeader>()
        self.context = context
        self.headers = headers
        let bound = Mutex<String?>(nil)
        let ready = DispatchSemaphore(value: 0)
        Thread {
            do {
                let router = try Socket(.router, in: context)
                let endpoint = try router.bind("tcp://127.0.0.1:*")
                bound.withLock { $0 = endpoint }
                ready.signal()
                while case .parts(let parts)? = try router.receive(blocking: true) {
                    let header = try FeederHeader(json: parts[1].bytes)
                    headers.post(header)
                    if let text = answer(header) { _ = try router.send([parts[0], Message(text)], blocking: true) }
                }
            } catch {
                // The context was shut down: the end.
                ready.signal()
            }
        }.start()
        ready.wait()
        endpoint = try #require(bound.withLock { $0 })
    }
}

/// Says no once the time is up.
func deadline(_ duration: Duration = .seconds(60)) -> () -> Bool {
    let end = ContinuousClock.now + duration
    return { .now < end }
}

@Suite("The feeder keeps account of every frame", .timeLimit(.minutes(5)))
struct FeederTests {
    private let jpeg = Message(Array("image".utf8))

    @Test("Frames are numbered, answers counted, refusals kept with their frame and reason")
    func answers() throws {
        let ingest = try FakeIngest { header in
            guard let frame = header.cameraFrame else { return "OK" }
            return frame.value == 3 ? "ERR corrupt_jpeg" : "OK \(frame)"
        }
        defer { ingest.context.shutdown() }
        let feeder = try Feeder(
            stream: StreamName("cam"), to: ingest.endpoint, in: ingest.context, delivery: .lossless,
            options: .patient)
        for number in 0..<50 as Range<UInt64> {
            #expect(try feeder.send(jpeg: jpeg, whileWaiting: deadline()) == CameraFrame(number))
        }
        #expect(try feeder.end(whileWaiting: deadline()))
        #expect((feeder.accepted, feeder.refusedCount, feeder.outstandingCount, feeder.resent) == (49, 1, 0, 0))
        #expect(feeder.refusals.map(\.frame) == [CameraFrame(3)])
        #expect(feeder.refusals.map(\.reason) == ["corrupt_jpeg"])
        let headers = ingest.headers.drain()
        #expect(headers.dropLast().map(\.cameraFrame?.value) == Array(0..<50))
        #expect(headers.allSatisfy { $0.stream.description == "cam" })
        #expect(headers.first?.delivery == .lossless && headers.last?.isEnd == true)
    }

    @Test("No more frames go out than may be unanswered, and whoever waits can give up")
    func bounded() throws {
        let ingest = try FakeIngest { _ in nil }
        defer { ingest.context.shutdown() }
        let feeder = try Feeder(
            stream: StreamName("cam"), to: ingest.endpoint, in: ingest.context, maxOutstanding: 4,
            options: .patient)
        for _ in 0..<4 { #expect(try feeder.send(jpeg: jpeg, whileWaiting: deadline()) != nil) }
        #expect(try feeder.send(jpeg: jpeg, whileWaiting: deadline(.milliseconds(300))) == nil)
        #expect(feeder.outstandingCount == 4)
        #expect(try feeder.end(whileWaiting: deadline(.milliseconds(300))) == false)
        let arrived = ingest.headers.drain().count
        #expect(arrived <= 4)
    }

    @Test("An ingest that is not there: sending gives up when told to")
    func absent() throws {
        let context = try Context()
        let feeder = try Feeder(stream: StreamName("cam"), to: "tcp://127.0.0.1:1", in: context, maxOutstanding: 2)
        var sent = 0
        while try feeder.send(jpeg: jpeg, whileWaiting: deadline(.milliseconds(200))) != nil { sent += 1 }
        #expect(sent <= 2)
    }

    @Test("A later OK settles the frames before it: ingest takes them in order only")
    func lostAnswers() throws {
        let ingest = try FakeIngest { header in
            guard let frame = header.cameraFrame else { return "OK" }
            return frame.value < 2 ? nil : "OK \(frame)"
        }
        defer { ingest.context.shutdown() }
        let feeder = try Feeder(stream: StreamName("cam"), to: ingest.endpoint, in: ingest.context, options: .patient)
        for _ in 0..<5 { #expect(try feeder.send(jpeg: jpeg, whileWaiting: deadline()) != nil) }
        #expect(try feeder.end(whileWaiting: deadline()))
        #expect((feeder.accepted, feeder.refusedCount) == (5, 0))
    }
}

extension FeederTests {
    @Test("Frames that ingest cannot take for now are sent again from there on, in order")
    func patience() throws {
        let refused = Mutex<Set<UInt64>>([])
        let ingest = try FakeIngest { header in
            guard let frame = header.cameraFrame?.value else { return "OK" }
            // The third one is refused once, and with it those that follow before it is repeated.
            let known = refused.withLock { refused in
                if frame == 3, refused.insert(3).inserted { return false }
                return frame <= 3 || refused.contains(3) && refused.contains(100) || frame < 3
            }
            if frame == 3, known { _ = refused.withLock { $0.insert(100) } }
            return known ? "OK \(frame)" : "ERR \(frame) out_of_order: a frame before it is missing"
        }
        defer { ingest.context.shutdown() }
        let feeder = try Feeder(stream: StreamName("cam"), to: ingest.endpoint, in: ingest.context, options: .patient)
        for _ in 0..<10 { #expect(try feeder.send(jpeg: jpeg, whileWaiting: deadline()) != nil) }
        #expect(try feeder.end(whileWaiting: deadline()))
        #expect((feeder.accepted, feeder.refusedCount) == (10, 0))
        let headers = ingest.headers.drain()
        #expect(Set(headers.compactMap(\.feeder)).count == 1)
        #expect(headers.first?.oldestFrame == CameraFrame(0))
    }

    @Test("After a lost connection what is unanswered is sent again")
    func reconnect() throws {
        let context = try Context()
        var router: Socket? = try Socket(.router, in: context, options: .patient)
        let endpoint = try #require(try router?.bind("tcp://127.0.0.1:*"))
        let feeder = try Feeder(stream: StreamName("cam"), to: endpoint, in: context, options: .patient)
        func next() throws -> (peer: Message, header: FeederHeader) {
            let end = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < end {
                _ = try feeder.end { false }
                if case .parts(let parts)? = try router?.receive() {
                    return (parts[0], try FeederHeader(json: parts[1].bytes))
                }
            }
            throw CancellationError()
        }
        for _ in 0..<5 { _ = try feeder.send(jpeg: jpeg, whileWaiting: deadline()) }
        for frame in 0..<5 as Range<UInt64> { #expect(try next().header.cameraFrame?.value == frame) }
        router = nil
        let again = try Socket(.router, in: context, options: .patient)
        while true {
            do {
                try again.bind(endpoint)
                break
            } catch {
                guard error.code == .addressInUse else { throw error }
            }
        }
        router = again
        for frame in 0..<5 as Range<UInt64> {
            let (peer, header) = try next()
            #expect(header.cameraFrame?.value == frame && header.oldestFrame == CameraFrame(0))
            if frame == 4 { #expect(try again.send([peer, Message("OK 4")])) }
        }
        #expect(feeder.resent == 5)
        while feeder.outstandingCount > 0 { _ = try feeder.end { false } }
        #expect(feeder.accepted == 5)
    }
}

extension SocketOptions {
    /// Closes no connection because time has passed: a machine that stalls for seconds must not fail a test.
    static var patient: SocketOptions {
        var options = SocketOptions()
        options.heartbeatInterval = nil
        options.handshakeInterval = .seconds(60)
        return options
    }
}

@Suite("The subscriber", .timeLimit(.minutes(5)))
struct SubscriberTests {
    let context: Context
    let publisher: Socket
    let endpoint: String
    let session = SessionID()

    init() throws {
        context = try Context()
        publisher = try Socket(.extendedPublish, in: context)
        endpoint = try publisher.bind("tcp://127.0.0.1:*")
    }

    /// Waits until a subscriber's two subscriptions have arrived.
    private func settle() throws {
        let end = ContinuousClock.now + .seconds(60)
        var count = 0
        while count < 2, .now < end {
            if try publisher.receive() != nil { count += 1 } else { Thread.sleep(forTimeInterval: 0.002) }
        }
        #expect(count == 2)
    }

    private func publish(_ sequence: UInt64, stream: String) throws {
        let outcome = Outcome(
            frame: FrameHeader(
                stream: try StreamName(stream), session: session, sequence: SequenceNumber(sequence), captureTime: .now,
                acceptedTime: .now))
        #expect(try publisher.send([Message(Topic.posePB + stream), Message(outcome.wireBytes())]))
    }

    @Test("Outcomes and session events arrive as values")
    func events() throws {
        let subscriber = try Subscriber(to: endpoint, in: context)
        try settle()
        try publish(0, stream: "cam")
        let end = """
            {"drops":0,"event":"end","frames":1,"poses":1,"session":"\(session)","stream":"cam","v":1}
            """
        #expect(try publisher.send([Message(Topic.session + "cam"), Message(end)]))
        guard case .session(let begin)? = try subscriber.next(timeout: .seconds(60)),
            case .outcome(let outcome)? = try subscriber.next(timeout: .seconds(60))
        else {
            Issue.record("no outcome")
            return
        }
        #expect(begin.event == .begin && begin.stream == "cam")
        #expect(outcome.frame.sequence == .first && outcome.frame.stream.description == "cam")
        guard case .session(let event)? = try subscriber.next(timeout: .seconds(60)) else {
            Issue.record("no event")
            return
        }
        #expect((event.event, event.stream, event.frames) == (.end, "cam", 1))
        #expect(try subscriber.next(timeout: .milliseconds(50)) == nil)
    }

    @Test("One stream only: not those whose names begin with its name")
    func oneStream() throws {
        let subscriber = try Subscriber(to: endpoint, streams: [StreamName("cam1")], in: context)
        try settle()
        try publish(0, stream: "cam10")
        try publish(1, stream: "cam1")
        guard case .outcome(let outcome)? = try subscriber.next(timeout: .seconds(60)) else {
            Issue.record("no outcome")
            return
        }
        #expect(outcome.frame.stream.description == "cam1")
    }

    @Test("What cannot be read is counted and skipped")
    func unreadable() throws {
        let subscriber = try Subscriber(to: endpoint, in: context)
        try settle()
        #expect(try publisher.send([Message(Topic.posePB + "cam"), Message([0xff])]))
        #expect(try publisher.send([Message(Topic.session + "cam"), Message("no json")]))
        #expect(try publisher.send([Message(Topic.posePB + "cam")]))
        try publish(3, stream: "cam")
        guard case .outcome(let outcome)? = try subscriber.next(timeout: .seconds(60)) else {
            Issue.record("no outcome")
            return
        }
        #expect(outcome.frame.sequence == SequenceNumber(3))
        #expect(subscriber.unreadable == 3)
    }
}
