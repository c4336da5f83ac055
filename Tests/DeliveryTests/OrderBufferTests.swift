import Delivery
import Messages
import Testing

@Suite struct OrderBufferTests {
    @Test func releasesInOrderOnceEach() {
        var buffer = OrderBuffer<String>()
        #expect(buffer.accept(SequenceNumber(2), "c") == .held)
        #expect(buffer.accept(SequenceNumber(2), "other") == .duplicate)
        #expect(buffer.takeNext() == nil)
        #expect(buffer.accept(SequenceNumber(0), "a") == .inOrder)
        #expect(buffer.takeNext() == nil)
        #expect(buffer.accept(SequenceNumber(1), "b") == .inOrder)
        #expect(buffer.takeNext() == "c", "the first one counts")
        #expect(buffer.takeNext() == nil)
        #expect(buffer.next == SequenceNumber(3))
        #expect(buffer.accept(SequenceNumber(0), "again") == .duplicate)
        #expect(buffer.heldCount == 0)
    }

    @Test func isBounded() {
        var buffer = OrderBuffer<String>(capacity: 2)
        #expect(buffer.accept(SequenceNumber(5), "f") == .held)
        #expect(buffer.accept(SequenceNumber(6), "g") == .held)
        #expect(buffer.accept(SequenceNumber(7), "h") == .refused(.full))
        #expect(buffer.accept(SequenceNumber(0), "a") == .inOrder, "what is missing is always taken")
    }

    @Test func continuesAtAHighWaterMark() {
        var buffer = OrderBuffer<String>(next: SequenceNumber(7))
        #expect(buffer.accept(SequenceNumber(6), "old") == .duplicate)
        #expect(buffer.accept(SequenceNumber(7), "new") == .inOrder)
        var ended = OrderBuffer<String>(next: SequenceNumber(7), isEnded: true)
        #expect(ended.isEnded)
        #expect(ended.acceptEnd(frameCount: SequenceNumber(7)) == .duplicate)
        #expect(ended.accept(SequenceNumber(7), "beyond") == .refused(.contradictsEnd))
        #expect(ended.takeEnd() == false)
    }

    @Test func theEndWaitsForTheFramesBeforeIt() {
        var buffer = OrderBuffer<String>()
        #expect(buffer.accept(SequenceNumber(1), "b") == .held)
        #expect(buffer.acceptEnd(frameCount: SequenceNumber(1)) == .refused(.contradictsEnd))
        #expect(buffer.acceptEnd(frameCount: SequenceNumber(2)) == .held)
        #expect(buffer.acceptEnd(frameCount: SequenceNumber(2)) == .duplicate)
        #expect(buffer.takeEnd() == false)
        #expect(buffer.accept(SequenceNumber(0), "a") == .inOrder)
        #expect(buffer.takeEnd() == false)
        #expect(buffer.takeNext() == "b")
        #expect(buffer.takeEnd() == true)
        #expect(buffer.takeEnd() == false, "once")
        #expect(buffer.isEnded)
        var empty = OrderBuffer<String>()
        #expect(empty.acceptEnd(frameCount: .first) == .inOrder)
        #expect(empty.takeEnd() == true)
    }
}
