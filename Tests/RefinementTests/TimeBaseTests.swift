import Refinement
import Testing

@Suite("What time means")
struct TimeBaseTests {
    private func base(_ times: [Double], frameRate: Double? = nil) -> (TimeBase, [Double]) {
        var clock = FrameClock()
        let ticks = times.enumerated().map {
            clock.tick(sequence: UInt64($0.offset), nanoseconds: Int64(1e18) + Int64(($0.element * 1e9).rounded()))
        }
        let base = TimeBase(clock.intervals, frameRate: frameRate)
        return (base, ticks.map { base.seconds($0) })
    }

    @Test("A camera's times are taken as they are")
    func even() {
        let (base, seconds) = base((0..<100).map { Double($0) / 25 })
        #expect(base.usesCaptureTimes && abs(base.interval - 0.04) < 0.001)
        #expect(abs(seconds[99] - 99.0 / 25) < 1e-6)
    }

    @Test("A pause is a pause")
    func pause() {
        let (_, seconds) = base((0..<100).map { index -> Double in Double(index) / 25 + (index >= 50 ? 60 : 0) })
        #expect(abs(seconds[50] - seconds[49] - 60.04) < 1e-6)
    }

    @Test("A clock that was set back costs one interval and nothing else")
    func setBack() {
        let (base, seconds) = base((0..<100).map { index -> Double in Double(index) / 25 - (index >= 50 ? 3600 : 0) })
        #expect(base.usesCaptureTimes)
        #expect(abs(seconds[50] - seconds[49] - 0.04) < 0.002)
        #expect(zip(seconds, seconds.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test("Times of arrival, equal times and a rate that was given: frames count as evenly spaced")
    func useless() {
        // Three at once, then a pause.
        let bursts = (0..<90).map { index -> Double in
            let pause = Double(index / 3) * 0.1
            return pause + Double(index % 3) * 0.002
        }
        let still = [Double](repeating: 0, count: 50)
        let cases: [(times: [Double], rate: Double?)] = [(bursts, nil), (still, nil), ([0, 0.04, 0.08, 0.12], 50)]
        for (times, rate) in cases {
            let (base, seconds) = base(times, frameRate: rate)
            #expect(!base.usesCaptureTimes)
            #expect(abs(seconds[3] - 3 / (rate ?? 30)) < 1e-9)
        }
    }
}
