import Testing
import Tracking

@Suite struct AssignmentTests {
    @Test func cheapestPairingIsFound() {
        #expect(Assignment.columns([[4, 1, 3], [2, 0, 5], [3, 2, 2]]) == [1, 0, 2])
    }

    @Test func sidesOfDifferentLengthLeaveSomebodyOver() {
        #expect(Assignment.columns([[5, 1, 9]]) == [1])
        #expect(Assignment.columns([[5], [1], [9]]) == [nil, 0, nil])
        #expect(Assignment.columns([]) == [])
        #expect(Assignment.columns([[], []]) == [nil, nil])
    }

    /// Against every pairing there is.
    @Test(arguments: 1...40) func noOtherPairingIsCheaper(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let (rows, columns) = (Int.random(in: 1...6, using: &random), Int.random(in: 1...6, using: &random))
        // Few distinct numbers, so that there are ties.
        let costs = (0..<rows).map { _ in (0..<columns).map { _ in Double(Int.random(in: 0...9, using: &random)) } }
        let pairing = Assignment.columns(costs)
        #expect(pairing.compactMap { $0 }.count == min(rows, columns))
        #expect(Set(pairing.compactMap { $0 }).count == min(rows, columns))
        let total = zip(costs, pairing).reduce(0.0) { sum, row in sum + (row.1.map { row.0[$0] } ?? 0) }
        #expect(total == cheapest(costs, pairs: min(rows, columns)))
    }

    private func cheapest(_ costs: [[Double]], pairs: Int, row: Int = 0, taken: Set<Int> = []) -> Double {
        if taken.count == pairs { return 0 }
        guard row < costs.count else { return .infinity }
        var least = cheapest(costs, pairs: pairs, row: row + 1, taken: taken)
        for column in costs[row].indices where !taken.contains(column) {
            least = min(
                least,
                costs[row][column] + cheapest(costs, pairs: pairs, row: row + 1, taken: taken.union([column])))
        }
        return least
    }
}

struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
