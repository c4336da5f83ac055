import Delivery
import Foundation
import Messages
import Testing

/// Every sequence stored exactly once and in order, whatever the weather. `POSEBUS_SIMULATION_SEEDS` runs more seeds.
@Suite struct SimulationTests {
    static let seeds = UInt64(ProcessInfo.processInfo.environment["POSEBUS_SIMULATION_SEEDS"] ?? "") ?? 200

    static let calm = Simulation.Weather(
        loss: 0, duplication: 0, delay: .milliseconds(2), crashes: nil, noticesCrashes: true, delivery: .lossless,
        frames: 40)
    static let lossy = Simulation.Weather(
        loss: 0.2, duplication: 0.1, delay: .milliseconds(30), crashes: nil, noticesCrashes: true, delivery: .lossless,
        frames: 40)
    static let crashing = Simulation.Weather(
        loss: 0.02, duplication: 0.05, delay: .milliseconds(5), crashes: .milliseconds(300), noticesCrashes: true,
        delivery: .lossless, frames: 60)
    static let unnoticed = Simulation.Weather(
        loss: 0, duplication: 0, delay: .milliseconds(5), crashes: .seconds(2), noticesCrashes: false,
        delivery: .lossless, frames: 40)
    static let liveOverload = Simulation.Weather(
        loss: 0.05, duplication: 0.05, delay: .milliseconds(100), crashes: .seconds(1), noticesCrashes: true,
        delivery: .live, frames: 80)

    @Test(arguments: [
        ("calm", calm), ("lossy", lossy), ("crashing", crashing), ("unnoticed", unnoticed),
        ("liveOverload", liveOverload),
    ])
    func everySequenceEndsOnceAndInOrder(name: String, weather: Simulation.Weather) {
        for seed in 0..<Self.seeds {
            var simulation = Simulation(seed: seed, weather: weather)
            simulation.run()
            guard let violation = simulation.violation else { continue }
            Issue.record("\(name), seed \(seed): \(violation)")
            return
        }
    }

    @Test func theWeatherIsRoughEnoughToMatter() {
        var resends = 0
        var shed = 0
        for seed in 0..<20 as Range<UInt64> {
            var crashing = Simulation(seed: seed, weather: Self.crashing)
            crashing.run()
            resends += crashing.resends
            var live = Simulation(seed: seed, weather: Self.liveOverload)
            live.run()
            shed += live.window.shedTotal
        }
        #expect(resends > 100)
        #expect(shed > 100)
    }
}
