import Foundation
import Messages
import Refinement
import Testing

@Suite("Smoothing")
struct SmoothingTests {
    /// A walk of some seconds: the truth, what was seen, and what was made of it.
    private func walk(
        seconds: Double = 10, pixels: Double = 2, walker: Walker = Walker(), options: RefinementOptions = .init()
    ) throws -> (truth: [Person], seen: [Person], refined: [Person]) {
        var noise = Noise(7)
        let truth = (0..<Int(seconds * frameRate)).map { walker.person(1, at: Double($0) / frameRate) }
        let seen = truth.map { $0.noisy(&noise, pixels: pixels) }
        let result = refine(try seen.enumerated().map { try outcome($0.offset, [$0.element]) }, options: options)
        return (truth, seen, result.outcomes.flatMap(\.persons))
    }

    private func series(_ persons: [Person], _ keypoint: Int) -> [Double] {
        persons.map { Double($0.keypoints2D[keypoint].x) }
    }

    private func error(_ persons: [Person], _ truth: [Person]) -> Double {
        rms((0..<Walker.keypoints).flatMap { k in zip(series(persons, k), series(truth, k)).map { $0 - $1 } })
    }

    private func shake(_ persons: [Person]) -> Double {
        rms((0..<Walker.keypoints).map { jitter(series(persons, $0)) })
    }

    @Test("Error and jitter of a walk fall, in the picture, in space and in SMPL's joints")
    func walking() throws {
        let (truth, seen, refined) = try walk()
        let error = (before: error(seen, truth), after: error(refined, truth))
        let shake = (before: shake(seen), after: shake(refined), truth: shake(truth))
        #expect(error.after < 0.65 * error.before)
        #expect(shake.after < 0.4 * shake.before)

        func space(_ persons: [Person]) -> [[Double]] {
            (0..<Walker.keypoints).map { k in persons.map { Double($0.keypoints3D[k].x) } }
        }
        let exact = space(truth)
        func error3(_ persons: [Person]) -> Double {
            rms(zip(space(persons), exact).flatMap { zip($0, $1).map { $0 - $1 } })
        }
        #expect(error3(refined) < 0.7 * error3(seen))
        #expect(rms(space(refined).map(jitter)) < 0.45 * rms(space(seen).map(jitter)))

        func angles(_ persons: [Person]) -> Double {
            rms(zip(persons, truth).flatMap { zip($0.joints, $1.joints).map { $0.angle(to: $1) } }) * 180 / .pi
        }
        func turns(_ persons: [Person]) -> Double {
            let joints = persons.map(\.joints)
            return rms(
                joints.indices.dropFirst().dropLast().flatMap { index in
                    (0..<24).map { joint -> Double in
                        let here = joints[index][joint]
                        let step =
                            here.tangent(to: joints[index - 1][joint]) + here.tangent(to: joints[index + 1][joint])
                        return (step * step).sum().squareRoot()
                    }
                }) * 180 / .pi
        }
        #expect(angles(refined) < 0.6 * angles(seen))
        #expect(turns(refined) < 0.35 * turns(seen))
    }

    @Test("What is smoothed is a rotation")
    func rotations() throws {
        let (_, _, refined) = try walk(seconds: 2)
        for person in refined {
            for matrix in person.joints.map(\.rowMajor) {
                for row in 0..<3 {
                    for column in 0..<3 {
                        let dot = (0..<3).reduce(Float(0)) { $0 + matrix[row * 3 + $1] * matrix[column * 3 + $1] }
                        #expect(abs(dot - (row == column ? 1 : 0)) < 1e-5)
                    }
                }
            }
        }
    }

    @Test("Nothing moves further than its bound, whatever jumps")
    func bounds() throws {
        var walker = Walker()
        walker.extra = { $0 > 1 && $0 < 1.05 ? 80 : 0 }
        let (_, seen, refined) = try walk(seconds: 3, pixels: 4, walker: walker)
        for (before, after) in zip(seen, refined) {
            for (a, b) in zip(before.keypoints2D, after.keypoints2D) {
                let step = SIMD2(Double(a.x - b.x), Double(a.y - b.y))
                #expect((step * step).sum().squareRoot() <= 0.02 * 300 + 1e-3)
            }
            for (a, b) in zip(before.keypoints3D, after.keypoints3D) {
                let step = a - b
                #expect((step * step).sum().squareRoot() <= 0.03 + 1e-5)
            }
            for (a, b) in zip(before.joints, after.joints) { #expect(a.angle(to: b) <= 5.001 * .pi / 180) }
            let (edge, other) = (before.bbox, after.bbox)
            for step in [edge.x - other.x, edge.y - other.y, edge.x + edge.width - other.x - other.width] {
                #expect(abs(step) <= 0.02 * 300 + 1e-3)
            }
        }
    }

    @Test("A jump keeps its height and its moment; a step keeps its edge")
    func fastMotion() throws {
        // 0.4 s in the air, landing hard: a parabola of 120 pixels between two kinks.
        var jumper = Walker()
        jumper.extra = { time in
            let t = (time - 1) / 0.4
            return t > 0 && t < 1 ? -480 * t * (1 - t) : 0
        }
        let (truth, seen, refined) = try walk(seconds: 3, pixels: 2, walker: jumper)
        let top = truth.indices.min { truth[$0].keypoints2D[0].y < truth[$1].keypoints2D[0].y } ?? 0
        func error(_ persons: [Person], _ frames: some Sequence<Int>) -> Double {
            rms(
                frames.flatMap { frame in
                    zip(persons[frame].keypoints2D, truth[frame].keypoints2D).map { Double($0.y - $1.y) }
                })
        }
        // The kinks cost about what the arc gains.
        #expect(error(refined, 28...46) < 1.2 * error(seen, 28...46))
        #expect(error(refined, [top]) < error(seen, 28...46))

        var stepper = Walker()
        stepper.extra = { $0 >= 1 ? 100 : 0 }
        let (goal, _, stepped) = try walk(seconds: 2, pixels: 1, walker: stepper)
        for index in 24...36 {
            let error = stepped[index].keypoints2D[0].y - goal[index].keypoints2D[0].y
            // No more than what was seen is off by.
            #expect(abs(error) < 4, "frame \(index)")
        }
    }

    @Test("A keypoint that is hardly seen counts less than its neighbours in time")
    func scores() throws {
        let count = 90
        let bad = 45
        let truth = (0..<count).map { Walker().person(1, at: Double($0) / frameRate) }
        func refined(score: Float) throws -> Person {
            var noise = Noise(12)
            var seen = truth.map { $0.noisy(&noise, pixels: 1) }
            for index in stride(from: 5, to: count, by: 10) {
                seen[index].keypoints2D[0].x += 5
                seen[index].keypoints2D[0].z = score
            }
            return refine(try seen.enumerated().map { try outcome($0.offset, [$0.element]) }).outcomes[bad].persons[0]
        }
        let unsure = abs(try refined(score: 0.1).keypoints2D[0].x - truth[bad].keypoints2D[0].x)
        let sure = abs(try refined(score: 0.9).keypoints2D[0].x - truth[bad].keypoints2D[0].x)
        #expect(unsure < sure - 0.2)
    }

    @Test("Without smoothing, what was observed stays to the bit")
    func unsmoothed() throws {
        var options = RefinementOptions()
        options.smooths = false
        let (_, seen, refined) = try walk(seconds: 1, options: options)
        for (a, b) in zip(seen, refined) {
            #expect(a.keypoints2D == b.keypoints2D && a.bbox == b.bbox && a.smpl?.bodyPose == b.smpl?.bodyPose)
        }
    }

    @Test("One person has one shape, which a few bad frames do not bend")
    func shape() throws {
        var noise = Noise(5)
        let seen = (0..<200).map { index -> Person in
            var person = Walker().person(1, at: Double(index) / frameRate).noisy(&noise)
            if index % 10 == 0 { person.smpl?.betas[0] = 9 }
            return person
        }
        let shapes = refine(try seen.enumerated().map { try outcome($0.offset, [$0.element]) }).outcomes
            .compactMap { $0.persons[0].smpl?.betas }
        #expect(Set(shapes).count == 1)
        for (index, value) in shapes[0].enumerated() { #expect(abs(value - Float(index) / 10) < 0.1) }
    }

    @Test("Two frames, one frame, a person without a number: nothing is invented")
    func little() throws {
        let person = Walker().person(1, at: 0)
        for count in 0...3 {
            let result = refine(try (0..<count).map { try outcome($0, [person]) })
            #expect(result.outcomes.count == count)
            #expect(result.outcomes.allSatisfy { $0.persons[0].keypoints2D == person.keypoints2D })
        }
        var broken = person
        broken.keypoints2D[3].x = .nan
        let result = refine(try [outcome(0, [person]), outcome(1, [broken]), outcome(2, [person])])
        let between = result.outcomes[1].persons
        #expect(between.count == 1 && !between[0].observed && between[0].keypoints2D[3].x == person.keypoints2D[3].x)
        // Where there are no neighbours it stays.
        let alone = refine([try outcome(0, [broken])])
        #expect(alone.outcomes[0].persons.count == 1)
    }
}
