import Delivery
import Messages
import Testing

@Suite struct SendWindowTests {
    typealias Window = SendWindow<String>

    func window(
        frames: Int = 4, bytes: Int = 1000, inFlight: Int = 4, records: Int = 8, delivery: Delivery = .lossless
    ) -> Window {
        Window(limits: .init(frames: frames, bytes: bytes, inFlight: inFlight, records: records), delivery: delivery)
    }

    func admit(_ window: inout Window, bytes: Int = 10) -> UInt64? {
        window.admit(header(), payload: "image", bytes: bytes)?.value
    }

    /// Sends what may be sent and returns the sequences.
    func sendAll(_ window: inout Window, at now: ContinuousClock.Instant = start) -> [UInt64] {
        var sent: [UInt64] = []
        while let next = window.upcoming {
            sent.append(next.header.sequence.value)
            window.sent(at: now)
        }
        return sent
    }

    @Test func numbersFramesAndForgetsThemWhenAcknowledged() {
        var window = window()
        #expect((0..<4).map { _ in admit(&window) } == [0, 1, 2, 3])
        #expect(sendAll(&window) == [0, 1, 2, 3])
        #expect(window.acknowledge(acknowledgement(3), at: start) == 3)
        #expect(window.oldestUnacknowledged == SequenceNumber(3))
        #expect(window.frameCount == 1)
        #expect(window.byteCount == 10)
        #expect(window.inFlightCount == 1)
        #expect(window.acknowledge(acknowledgement(2), at: start) == 0, "an older acknowledgement changes nothing")
    }

    @Test func aLosslessWindowIsFullByFramesAndByBytes() {
        var byFrames = window(frames: 2)
        #expect(admit(&byFrames) == 0)
        #expect(admit(&byFrames) == 1)
        #expect(admit(&byFrames) == nil)
        var byBytes = window(bytes: 100)
        #expect(admit(&byBytes, bytes: 500) == 0, "an empty window takes one frame of any size")
        #expect(admit(&byBytes, bytes: 1) == nil)
        _ = sendAll(&byBytes)
        byBytes.acknowledge(acknowledgement(1), at: start)
        #expect(admit(&byBytes, bytes: 1) == 1)
    }

    @Test func tellsAnInferThatDoesNotKnowTheSessionWhatTheOneBeforeItKnew() {
        var window = window(frames: 8, inFlight: 8)
        for _ in 0..<4 { _ = admit(&window) }
        #expect(window.upcoming?.header.sessionState == [], "nobody knows anything of a new session")
        _ = sendAll(&window)
        func acknowledge(_ next: UInt64, _ state: [UInt8]) {
            window.acknowledge(
                Acknowledgement(session: fixedSession, next: SequenceNumber(next), sessionState: state), at: start)
        }
        acknowledge(2, [7])
        _ = admit(&window)
        #expect(window.upcoming?.header.sessionState == [], "an infer that goes on needs no telling")
        _ = sendAll(&window)

        _ = window.inferLost(isAlone: true)
        #expect(window.upcoming?.header.sequence.value == 2)
        #expect(window.upcoming?.header.sessionState == [7])
        window.sent(at: start)
        #expect(window.upcoming?.header.sessionState == [], "once, and with the oldest frame only")
        // An acknowledgement that was on its way moves the beginning before anything is sent again.
        _ = window.resendAll()
        acknowledge(3, [8])
        #expect(window.upcoming?.header.sequence.value == 3)
        #expect(window.upcoming?.header.sessionState == [8])
        // An older one, late, is not believed.
        acknowledge(1, [6])
        #expect(window.upcoming?.header.sessionState == [8])
    }

    @Test func aWindowThatGoesOnAfterARestartLearnsTheStateWithNothingNewAcknowledged() {
        var window = Window(
            limits: .init(frames: 8, bytes: 1000, inFlight: 8), delivery: .lossless,
            kept: [.init(header: header(5), payload: "image", bytes: 10)], oldest: SequenceNumber(5),
            next: SequenceNumber(6), damaged: { header($0.value) })
        window.acknowledge(
            Acknowledgement(session: fixedSession, next: SequenceNumber(5), sessionState: [3]), at: start)
        #expect(window.upcoming?.header.sessionState == [3])
    }

    @Test func whateverASpoolKeptHasATraceAlsoWhatIsDamagedOrFromAnOlderRelease() {
        let given = TraceID(session: SessionID(), sequence: .first)
        var kept = header(5)
        kept.traceID = given
        var window = Window(
            limits: .init(frames: 8, bytes: 1000, inFlight: 8), delivery: .lossless,
            kept: [
                .init(header: kept, payload: "image", bytes: 10), .init(header: header(7), payload: "image", bytes: 10),
            ], oldest: SequenceNumber(5), next: SequenceNumber(8), damaged: { header($0.value) })
        var traces: [TraceID?] = []
        while let next = window.upcoming {
            traces.append(next.header.traceID)
            window.sent(at: start)
        }
        func own(_ sequence: UInt64) -> TraceID { TraceID(session: fixedSession, sequence: SequenceNumber(sequence)) }
        #expect(traces == [given, own(6), own(7)])
    }

    @Test func sendsNoMoreAheadThanAllowed() {
        var window = window(frames: 8, inFlight: 2)
        for _ in 0..<5 { _ = admit(&window) }
        #expect(sendAll(&window) == [0, 1])
        window.acknowledge(acknowledgement(1), at: start)
        #expect(sendAll(&window) == [2])
    }

    @Test func aLiveWindowShedsTheOldestUnsentFrame() throws {
        var window = window(frames: 3, inFlight: 1, delivery: .live)
        for _ in 0..<3 { _ = admit(&window) }
        #expect(sendAll(&window) == [0])
        #expect(admit(&window) == 3)
        #expect(window.shedTotal == 1)
        #expect(window.frameCount == 3, "0 in flight, 2 and 3 waiting")
        #expect(window.byteCount == 30)
        let record = try #require(window.upcoming, "records do not count as in flight")
        #expect(record.header.sequence == SequenceNumber(1))
        #expect(record.header.drop?.reason == .shed)
        #expect(record.header.payload == .none)
        #expect(record.payload == nil)
    }

    @Test func aLiveWindowWithEverythingInFlightShedsTheNewFrame() {
        var window = window(frames: 2, inFlight: 2, delivery: .live)
        for _ in 0..<2 { _ = admit(&window) }
        _ = sendAll(&window)
        #expect(admit(&window) == 2)
        #expect(window.upcoming?.header.drop?.reason == .shed)
        #expect(window.frameCount == 2)
    }

    @Test func evenALiveWindowIsFullOfRecords() {
        var window = window(frames: 2, inFlight: 1, records: 3, delivery: .live)
        #expect((0..<9).map { _ in admit(&window) } == [0, 1, 2, 3, 4, nil, nil, nil, nil])
        #expect(window.admit(header(), payload: nil, bytes: 0) == nil)
        #expect(sendAll(&window) == [0, 1, 2, 3], "the records and the oldest frame that is left")
        window.acknowledge(acknowledgement(1), at: start)
        #expect(admit(&window) == 5)
    }

    @Test func theEndIsAcknowledgedByItsWordOnly() throws {
        var window = window()
        _ = admit(&window)
        window.end(header())
        window.end(header())
        #expect(window.admittedTotal == SequenceNumber(1))
        let sent = sendAll(&window)
        #expect(sent == [0, 1])
        #expect(window.acknowledge(acknowledgement(1), at: start) == 1)
        #expect(!window.isFinished)
        #expect(window.acknowledge(acknowledgement(1, ended: true), at: start) == 1)
        #expect(window.isFinished)
        #expect(window.isEmpty)
    }

    @Test func nothingIsAcknowledgedThatWasNeverSent() {
        var window = window()
        for _ in 0..<3 { _ = admit(&window) }
        #expect(window.acknowledge(acknowledgement(2), at: start) == 0)
        #expect(window.count == 3)
    }

    @Test func sendsEverythingAgainInOrder() throws {
        var window = window(frames: 8, inFlight: 3)
        for _ in 0..<5 { _ = admit(&window) }
        #expect(sendAll(&window) == [0, 1, 2])
        window.acknowledge(acknowledgement(1), at: start)
        #expect(window.resendAll() == 2)
        let again = try #require(window.upcoming)
        #expect(again.header.sequence == SequenceNumber(1))
        #expect(again.header.oldestUnacknowledged == SequenceNumber(1))
        #expect(again.header.resends == 1)
        #expect(sendAll(&window) == [1, 2, 3])
        #expect(window.inFlightCount == 3)
        // An acknowledgement that overtakes the resend.
        window.resendAll()
        #expect(window.acknowledge(acknowledgement(3), at: start) == 2)
        #expect(window.upcoming?.header.sequence == SequenceNumber(3))
        #expect(window.inFlightCount == 0)
    }

    @Test func resendsOnlyWhenNothingMoves() {
        var window = window()
        #expect(window.deadline == nil)
        for _ in 0..<3 { _ = admit(&window) }
        _ = sendAll(&window)
        #expect(window.resendIfOverdue(at: start + .seconds(9)) == 0)
        // Acknowledged after 3 s: from now on about 2 × (3 + 4 × 1.5) s are allowed.
        window.acknowledge(acknowledgement(1), at: start + .seconds(3))
        #expect(window.resendIfOverdue(at: start + .seconds(3 + 17)) == 0)
        #expect(window.resendIfOverdue(at: start + .seconds(3 + 18)) == 2)
        #expect(window.deadline == nil, "nothing is waited for until it is sent again")
        _ = sendAll(&window, at: start + .seconds(21))
        #expect(window.resendIfOverdue(at: start + .seconds(21 + 35)) == 0, "the time allowed has doubled")
        #expect(window.resendIfOverdue(at: start + .seconds(21 + 36)) == 2)
    }

    @Test func theTimeAllowedAdaptsWithinItsBounds() {
        var timer = RetryTimer(policy: .init(initial: .seconds(5), minimum: .seconds(1), maximum: .seconds(8)))
        #expect(timer.timeout == .seconds(5))
        for _ in 0..<50 { timer.progressed(at: start, sample: .milliseconds(5), isWaiting: true) }
        #expect(timer.timeout == .seconds(1))
        for _ in 0..<9 { timer.restarted(timedOut: true) }
        #expect(timer.timeout == .seconds(8))
        timer.progressed(at: start, sample: .milliseconds(5), isWaiting: true)
        #expect(timer.timeout == .seconds(1), "a clean sample ends the back-off")
    }
}
