import Delivery
import Messages
import Testing

/// Which frame costs infer its life.
@Suite struct SuspectTests {
    typealias Window = SendWindow<String>

    func window(_ count: Int) -> Window {
        var window = Window(limits: .init(frames: 8, bytes: 1000, inFlight: 8), delivery: .lossless)
        for _ in 0..<count { _ = window.admit(header(), payload: "image", bytes: 10) }
        return window
    }

    func sendAll(_ window: inout Window) -> [UInt64] {
        var sent: [UInt64] = []
        while let next = window.upcoming {
            sent.append(next.header.sequence.value)
            window.sent(at: start)
        }
        return sent
    }

    @Test func oneLossIsNobodysFault() {
        var window = window(4)
        _ = sendAll(&window)
        let loss = window.inferLost(isAlone: true)
        #expect(loss.resends == 4 && loss.givenUp == nil && !window.isSuspect)
        #expect(sendAll(&window) == [0, 1, 2, 3])
    }

    @Test func afterTwoFramesAreSentOneByOneAndInnocentOnesAreCleared() {
        var window = window(4)
        for _ in 0..<2 {
            _ = sendAll(&window)
            _ = window.inferLost(isAlone: true)
        }
        #expect(window.isSuspect)
        #expect(sendAll(&window) == [0])
        window.acknowledge(acknowledgement(1), at: start)
        #expect(sendAll(&window) == [1])
        window.acknowledge(acknowledgement(3), at: start)
        #expect(sendAll(&window) == [3])
        #expect(window.isSuspect)
        window.acknowledge(acknowledgement(4), at: start)
        #expect(!window.isSuspect)
    }

    @Test func theThirdLossWithOneFrameInHandIsThatFrames() throws {
        var window = window(4)
        for _ in 0..<2 {
            _ = sendAll(&window)
            _ = window.inferLost(isAlone: true)
        }
        #expect(sendAll(&window) == [0])
        window.acknowledge(acknowledgement(1), at: start)
        #expect(sendAll(&window) == [1])
        let loss = window.inferLost(isAlone: true)
        #expect(loss.givenUp?.sequence == SequenceNumber(1))
        #expect(loss.givenUp?.drop?.reason == .inferenceFailed)
        #expect(window.frameCount == 2 && window.byteCount == 20 && window.recordCount == 1)
        #expect(window.inFlightCount == 0)
        let record = try #require(window.upcoming)
        #expect(record.header.drop?.reason == .inferenceFailed && record.payload == nil)
        #expect(sendAll(&window) == [1, 2], "the record, and the next suspect alone")
    }

    @Test func nobodyIsConvictedInCompany() {
        var window = window(1)
        for _ in 0..<5 {
            _ = sendAll(&window)
            let loss = window.inferLost(isAlone: false)
            #expect(loss.givenUp == nil)
        }
        _ = sendAll(&window)
        let loss = window.inferLost(isAlone: true)
        #expect(loss.givenUp != nil)
    }

    @Test func oneSessionAtATime() {
        var probation = Probation<String>()
        #expect(probation.admits("a") && !probation.isActive)
        probation.begin(["a", "b"])
        probation.begin(["b", "c"])
        #expect(probation.admits("a") && !probation.admits("b") && !probation.admits("x"))
        let unchanged = probation.clear("b")
        #expect(!unchanged)
        let next = probation.clear("a")
        #expect(next && probation.admits("c") && !probation.admits("a"))
        _ = probation.clear("c")
        #expect(probation.admits("x"))
    }
}

@Suite struct FeederStateTests {
    @Test func aLedgerTakesFramesInOrderOnce() {
        var ledger = FeederLedger()
        #expect(ledger.judge("f", frame: 3, oldest: 1) == .early, "unknown, and 1 is still open")
        #expect(ledger.judge("f", frame: 3, oldest: 3) == .new)
        ledger.note("f", frame: 3)
        #expect(ledger.judge("f", frame: 3, oldest: 3) == .known)
        #expect(ledger.judge("f", frame: 0, oldest: 0) == .known)
        #expect(ledger.judge("f", frame: 4, oldest: 2) == .new)
        #expect(ledger.judge("f", frame: 5, oldest: 2) == .early)
        #expect(ledger.judge("f", frame: 9, oldest: 9) == .new, "what lies between was refused for good")
        #expect(ledger.judge("other", frame: 0, oldest: nil) == .new)
    }

    @Test func aLedgerIsBounded() {
        var ledger = FeederLedger(capacity: 2)
        for name in ["a", "b", "a", "c"] { ledger.note(name, frame: 1) }
        #expect(Set(ledger.lastFrames.keys) == ["a", "c"])
    }

    @Test func aQueueKeepsFramesUntilTheyAreAnswered() {
        var queue = FeederQueue<String>()
        for frame in ["a", "b", "c", "d"] { _ = queue.append(frame) }
        #expect(queue.next == 4)
        var sent: [UInt64] = []
        while let next = queue.upcoming {
            sent.append(next.number)
            queue.sent()
        }
        #expect(sent == [0, 1, 2, 3])
        let refused = [queue.refused(1), queue.refused(1)]
        #expect(refused == [true, false])
        #expect(queue.oldest == 0 && queue.count == 4)
        let first = queue.accepted(0)
        #expect(first == 1)
        #expect(queue.oldest == 2 && queue.count == 2, "1 was answered before")
        queue.sendAgain(from: 3)
        #expect(queue.upcoming?.number == 3)
        let again = queue.restart()
        #expect(again >= 1)
        #expect(queue.upcoming?.number == queue.oldest)
        let settled = queue.accepted(3)
        #expect(settled >= 2)
        #expect(queue.count == 0 && queue.upcoming == nil && queue.next == 4)
        let repeated = queue.accepted(3)
        #expect(repeated == 0, "answered twice")
    }
}
