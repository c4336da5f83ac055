import Delivery
import Messages
import Testing

@Suite struct InferLedgerTests {
    typealias Ledger = InferLedger<String>

    func word(_ verdict: Ledger.Verdict) -> String {
        switch verdict {
        case .process: "process"
        case .answer(let answer): "answer \(answer)"
        case .ignore(let reason): "\(reason)"
        }
    }

    @Test func processesEachFrameOnceAndAnswersFromTheCache() {
        var ledger = Ledger()
        #expect(word(ledger.receive(header(0))) == "process")
        #expect(word(ledger.receive(header(1))) == "process")
        #expect(word(ledger.receive(header(0))) == "inHand")
        #expect(ledger.finish(SequenceNumber(1), with: "b") == true, "out of order is fine")
        #expect(ledger.finish(SequenceNumber(0), with: "a") == true)
        #expect(ledger.finish(SequenceNumber(0), with: "again") == false)
        #expect(word(ledger.receive(header(0))) == "answer a")
        #expect(word(ledger.receive(header(1))) == "answer b")
    }

    @Test func ignoresWhatCameTooEarly() {
        var ledger = Ledger()
        #expect(word(ledger.receive(header(0))) == "process")
        #expect(word(ledger.receive(header(2))) == "early")
        #expect(word(ledger.receive(header(1))) == "process")
        #expect(word(ledger.receive(header(2))) == "process")
    }

    @Test func forgetsWhatTheSinkHas() {
        var ledger = Ledger()
        for sequence in UInt64(0)..<4 { _ = ledger.receive(header(sequence)) }
        for sequence in UInt64(0)..<3 { _ = ledger.finish(SequenceNumber(sequence), with: "x") }
        #expect(word(ledger.receive(header(4, oldest: 3))) == "process")
        #expect(ledger.count == 2)
        #expect(word(ledger.receive(header(1, oldest: 1))) == "acknowledged")
        #expect(word(ledger.receive(header(5, oldest: 5))) == "process")
        #expect(ledger.finish(SequenceNumber(3), with: "late") == false, "acknowledged through another infer")
    }

    @Test func aRestartedInferBeginsAtTheOldestUnacknowledged() {
        var ledger = Ledger()
        #expect(word(ledger.receive(header(12, oldest: 10))) == "early", "what was still in the socket")
        #expect(word(ledger.receive(header(10, oldest: 10))) == "process")
        // What was in the socket may have been sent long ago: newer headers move the beginning.
        var late = Ledger()
        #expect(word(late.receive(header(12, oldest: 10))) == "early")
        #expect(word(late.receive(header(14, oldest: 14))) == "process")
    }

    @Test func noticesThatTheSessionWasElsewhereMeanwhile() {
        var ledger = Ledger()
        _ = ledger.receive(header(4, oldest: 4))
        #expect(!ledger.hasSkipped, "there is nothing to be out of date")
        _ = ledger.receive(header(5, oldest: 5))
        #expect(!ledger.hasSkipped)
        #expect(word(ledger.receive(header(9, oldest: 9))) == "process")
        #expect(ledger.hasSkipped)
        _ = ledger.receive(header(10, oldest: 9))
        #expect(!ledger.hasSkipped)
    }

    @Test func theEndIsOneMoreSequence() {
        var ledger = Ledger()
        #expect(word(ledger.receive(header(1, isEnd: true))) == "early")
        #expect(word(ledger.receive(header(0))) == "process")
        #expect(word(ledger.receive(header(1, isEnd: true))) == "process")
        #expect(word(ledger.receive(header(2))) == "afterEnd")
        #expect(!ledger.isComplete)
        #expect(ledger.finish(SequenceNumber(1), with: "end") == true)
        #expect(ledger.isComplete)
        #expect(word(ledger.receive(header(1, oldest: 1, isEnd: true))) == "answer end")
    }

    @Test func isBounded() {
        var ledger = Ledger(capacity: 2)
        for sequence in UInt64(0)..<2 { _ = ledger.receive(header(sequence)) }
        #expect(word(ledger.receive(header(2))) == "full")
        #expect(word(ledger.receive(header(2, oldest: 1))) == "process")
    }
}
