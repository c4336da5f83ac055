import Delivery
import Messages
import Testing

@Suite struct SequenceRingTests {
    @Test func keepsItsNumbersWhileItMoves() {
        var ring = SequenceRing<UInt64>(start: SequenceNumber(5))
        for step in 0..<1000 {
            ring.append(5 + UInt64(2 * step))
            ring.append(6 + UInt64(2 * step))
            let first = ring.start
            #expect(ring.removeFirst() == first.value)
            #expect(ring[ring.start] == ring.start.value)
        }
        #expect(ring.count == 1000)
        #expect(ring.end == SequenceNumber(2005))
        #expect(!ring.contains(ring.end))
    }
}
