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

    @Test("What is taken out is released while no more of it is kept than of the rest")
    func releasesWhatIsTakenOut() {
        final class Picture {}
        var ring = SequenceRing<Picture>(start: .first)
        var pictures: [() -> Picture?] = []
        for _ in 0..<10 {
            let picture = Picture()
            ring.append(picture)
            pictures.append { [weak picture] in picture }
        }
        for taken in 1...10 {
            _ = ring.removeFirst()
            let kept = pictures.prefix(taken).count { $0() != nil }
            #expect(kept < max(1, ring.count))
        }
    }
}
