import Foundation
import Messages
import Refinement
import Testing

@Suite("Live smoothing")
struct LiveSmootherTests {
    private func run(
        _ walker: Walker, seconds: Double = 8, still: Bool = false
    ) -> (truth: [Person], seen: [Person], smoothed: [Person]) {
        var noise = Noise(31)
        var smoother = LiveSmoother()
        let times = (0..<Int(seconds * frameRate)).map { Double($0) / frameRate }
        let truth = times.map { walker.person(1, at: still ? 0 : $0) }
        let seen = truth.map { $0.noisy(&noise) }
        return (truth, seen, zip(times, seen).flatMap { smoother.smooth([$1], at: $0) })
    }

    private func series(_ persons: [Person]) -> [Double] { persons.map { Double($0.keypoints2D[3].x) } }

    @Test("Who stands still stands still, in the picture and on SO(3)")
    func still() {
        let (truth, seen, smoothed) = run(Walker(speed: 0), still: true)
        #expect(jitter(series(smoothed)) < 0.4 * jitter(series(seen)))
        func shake(_ persons: [Person]) -> Double {
            rms(zip(persons, persons.dropFirst()).map { $0.joints[5].angle(to: $1.joints[5]) })
        }
        #expect(shake(smoothed) < 0.7 * shake(seen))
        let errors = zip(smoothed, truth).dropFirst(30).flatMap { zip($0.joints, $1.joints).map { $0.angle(to: $1) } }
        #expect(rms(errors) < 0.12)
        for matrix in smoothed[60].joints.map(\.rowMajor) {
            #expect(abs(matrix[0] * matrix[0] + matrix[1] * matrix[1] + matrix[2] * matrix[2] - 1) < 1e-5)
        }
    }

    @Test("Who walks is followed within two frames")
    func lag() {
        let (truth, _, smoothed) = run(Walker(speed: 300))
        let behind = zip(series(truth), series(smoothed)).dropFirst(30).map { $0 - $1 }
        // 300 pixels/s are 10 a frame, and the limb swings besides.
        #expect(rms(Array(behind)) < 20)
    }

    @Test(
        "The first value is the observation; a person who comes back begins anew; time that stands still is no interval"
    )
    func beginning() {
        var smoother = LiveSmoother()
        let here = Walker().person(1, at: 0)
        let there = Walker(x: 1500).person(1, at: 0)
        #expect(smoother.smooth([here], at: 0) == [here])
        #expect(smoother.smooth([there], at: 0.03)[0].bbox.x < there.bbox.x)
        #expect(smoother.smooth([there], at: 5) == [there])
        #expect(smoother.smooth([here], at: 5) == [here])
        #expect(smoother.smooth([there], at: 4) == [there])
    }

    @Test("Persons do not mix, and their number is bounded")
    func many() {
        var smoother = LiveSmoother()
        for frame in 0..<50 {
            let persons = (0..<100).map { Walker(x: Double($0) * 10, speed: 0).person(UInt32($0), at: 0) }
            let smoothed = smoother.smooth(persons, at: Double(frame) / frameRate)
            #expect(smoothed.map(\.trackID) == persons.map(\.trackID))
            for (a, b) in zip(persons, smoothed) { #expect(abs(a.bbox.x - b.bbox.x) < 0.1) }
            #expect(smoother.tracksHeld <= 64)
        }
    }

    @Test("A shape settles")
    func shape() {
        let (_, seen, smoothed) = run(Walker())
        func spread(_ persons: [Person]) -> Double {
            jitter(persons.suffix(100).map { Double($0.smpl?.betas[2] ?? 0) })
        }
        #expect(spread(smoothed) < 0.1 * spread(seen))
    }
}
