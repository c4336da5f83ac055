import Testing
import Tracking

@Suite("The best pairs")
struct MatchingTests {
    @Test("As a whole, not one after the other")
    func notGreedy() {
        // Taking the dearest pair first (0 with 0) leaves 1 alone: 10 instead of 18.
        let pairs: [[(right: Int, gain: Double)]] = [[(0, 10), (1, 9)], [(0, 9)]]
        #expect(Matching.partners(pairs, rights: 2) == [1, 0])
    }

    @Test("Who gains nothing stays alone")
    func alone() {
        #expect(Matching.partners([[], [(0, 1)], [(0, 2)]], rights: 1) == [nil, nil, 0])
        #expect(Matching.partners([], rights: 3).isEmpty)
    }

    @Test("Small sets against all there is")
    func exhaustive() {
        var noise = SplitMix64(seed: 3)
        for _ in 0..<300 {
            let lefts = Int.random(in: 1...5, using: &noise)
            let rights = Int.random(in: 1...5, using: &noise)
            let pairs = (0..<lefts).map { _ in
                (0..<rights).filter { _ in Bool.random(using: &noise) }.map {
                    (right: $0, gain: Double.random(in: 0.1...10, using: &noise))
                }
            }
            func best(_ left: Int, _ taken: Set<Int>) -> Double {
                guard left < lefts else { return 0 }
                return pairs[left].reduce(best(left + 1, taken)) { most, pair in
                    taken.contains(pair.right)
                        ? most : max(most, pair.gain + best(left + 1, taken.union([pair.right])))
                }
            }
            let partners = Matching.partners(pairs, rights: rights)
            let taken = partners.compactMap { $0 }
            #expect(Set(taken).count == taken.count)
            let gain = partners.enumerated().reduce(0) { sum, entry in
                sum + (pairs[entry.offset].first { $0.right == entry.element }?.gain ?? 0)
            }
            #expect(abs(gain - best(0, [])) < 1e-9)
        }
    }

    @Test("Many, far apart, in time that grows with their number")
    func many() {
        let count = 20_000
        let pairs = (0..<count).map { left in
            (left..<min(left + 3, count)).map { (right: $0, gain: 1 + Double(($0 * 7 + left) % 5)) }
        }
        let partners = Matching.partners(pairs, rights: count)
        #expect(Set(partners.compactMap { $0 }).count == partners.compactMap { $0 }.count)
    }
}
