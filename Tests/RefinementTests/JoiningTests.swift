import Foundation
import Messages
import Refinement
import Testing

@Suite("Fragments of one person")
struct JoiningTests {
    /// What is in the frames: persons, each with a number that may change.
    private func scene(
        _ count: Int, noise seed: UInt64 = 21, _ persons: (Int, Double) -> [Person]
    ) throws -> [Outcome] {
        var noise = Noise(seed)
        return try (0..<count).map { index in
            try outcome(index, persons(index, Double(index) / frameRate).map { $0.noisy(&noise) })
        }
    }

    private func numbers(_ outcomes: [Outcome]) -> Set<UInt32> {
        Set(outcomes.flatMap { $0.persons.map(\.trackID) })
    }

    @Test("Who is lost for a moment and found as somebody else stays who they were")
    func three() throws {
        let frames = try scene(150) { index, time in
            switch index {
            case 0..<40: [Walker().person(1, at: time)]
            case 50..<90: [Walker().person(4, at: time)]
            case 110..<150: [Walker().person(9, at: time)]
            default: []
            }
        }
        let result = refine(frames)
        #expect(numbers(result.outcomes) == [1])
        #expect(result.summary.tracks == 3 && result.summary.identities == 1 && result.summary.joined == 2)
        // The gaps between fragments are gaps of one person.
        #expect(result.outcomes.allSatisfy { $0.persons.count == 1 })
    }

    @Test("After too long a time nobody is joined; between, joined and not filled")
    func limits() throws {
        for (gap, identities, filled) in [(20, 1, 20), (45, 1, 0), (120, 2, 0)] {
            let frames = try scene(80 + gap) { index, _ in
                // Who stands still is where they were.
                let person = Walker(speed: 0)
                return index < 40
                    ? [person.person(1, at: 0)] : index < 40 + gap ? [] : [person.person(2, at: 0)]
            }
            let summary = refine(frames).summary
            #expect(summary.identities == identities && summary.personsFilled == filled, "\(gap)")
        }
    }

    @Test("Two who are in one frame together are never one")
    func together() throws {
        // The tracks meet in frame 50, at one place.
        let frames = try scene(100) { index, time in
            (index <= 50 ? [Walker().person(1, at: time)] : []) + (index >= 50 ? [Walker().person(2, at: time)] : [])
        }
        #expect(refine(frames).summary.joined == 0)
    }

    @Test("Somebody else elsewhere, or of another size, is somebody else")
    func elsewhere() throws {
        for other in [Walker(x: 1200), Walker(height: 120), Walker(x: 200, speed: -400)] {
            let frames = try scene(90) { index, time in
                index < 40 ? [Walker().person(1, at: time)] : index < 50 ? [] : [other.person(2, at: time)]
            }
            #expect(refine(frames).summary.joined == 0)
        }
    }

    @Test("Two who pass behind a tree side by side, as a whole and by where they were going")
    func crossing() throws {
        // They walk towards each other, vanish for half a second and come out having crossed.
        let right = Walker(x: 200, speed: 200)
        let left = Walker(x: 800, speed: -200)
        let frames = try scene(100) { index, time in
            switch index {
            case 0..<40: [right.person(1, at: time), left.person(2, at: time)]
            case 55..<100: [left.person(3, at: time), right.person(4, at: time)]
            default: []
            }
        }
        let result = refine(frames)
        #expect(result.plan.joins.map { [$0.0, $0.1] } == [[1, 4], [2, 3]])
        let last = result.outcomes[99].persons
        #expect(last.map(\.trackID) == [1, 2] && last[0].bbox.x > last[1].bbox.x)
    }

    /// Two features of one byte each, differing by some 10 levels from time to time.
    private let colours = AppearanceMeasure(samePerson: 1, differentPersons: 20, features: 4) { a, b in
        guard a.count == 2, b.count == 2 else { return nil }
        return zip(a, b).reduce(0) { $0 + pow((Double($1.0) - Double($1.1)) / 10, 2) } / 2
    }

    @Test("After a cut places say nothing, and looks decide")
    func cut() throws {
        func situation(_ after: [[UInt8]]) throws -> [Outcome] {
            try scene(80) { index, time in
                func dressed(_ walker: Walker, _ id: UInt32, _ look: [UInt8]) -> Person {
                    var person = walker.person(id, at: time)
                    person.appearance = look
                    return person
                }
                // Another camera: other places, other sizes.
                return index < 40
                    ? [dressed(Walker(), 1, [200, 10]), dressed(Walker(x: 900), 2, [20, 150])]
                    : [
                        dressed(Walker(x: 1500, height: 140), 3, after[0]),
                        dressed(Walker(x: 300, height: 150), 4, after[1]),
                    ]
            }
        }
        let frames = try situation([[25, 145], [198, 14]])
        #expect(refine(frames).summary.joined == 0)
        let joined = refine(frames, appearance: colours).plan.joins
        #expect(joined.map { [$0.0, $0.1] } == [[1, 4], [2, 3]])
        // Strangers after the cut.
        let strangers = refine(try situation([[90, 250], [120, 80]]), appearance: colours)
        #expect(strangers.summary.joined == 0)
    }

    @Test("Looks keep apart who only stand where somebody stood; in one dress they say nothing")
    func looks() throws {
        func situation(_ look: [UInt8], others: [UInt8]) throws -> [Outcome] {
            try scene(90) { index, time in
                func dressed(_ id: UInt32, _ look: [UInt8]) -> Person {
                    var person = Walker(speed: 0).person(id, at: time)
                    person.appearance = look
                    return person
                }
                var team: [Person] = []
                for other in 0..<12 {
                    var person = Walker(x: 500 + Double(other) * 110, speed: 0).person(10 + UInt32(other), at: time)
                    person.appearance = others
                    team.append(person)
                }
                return team
                    + (index < 40 ? [dressed(1, [200, 10])] : index < 50 ? [] : [dressed(2, look)])
            }
        }
        let different: [UInt8] = [100, 90]
        let other = try situation(different, others: [0, 0])
        #expect(refine(other).summary.joined == 1)
        #expect(refine(other, appearance: colours).summary.joined == 0)
        // Where persons differ less than one does from time to time, looks tell nobody apart and place decides as before.
        let useless = AppearanceMeasure(samePerson: 100, differentPersons: 1, features: 4) { $0 == $1 ? nil : 0 }
        #expect(refine(other, appearance: useless).summary.joined == 1)
    }

    @Test("A coat that was taken for a person for three frames goes; who had no time to be confirmed stays")
    func spurious() throws {
        let frames = try scene(160) { index, time in
            var persons = [Walker().person(1, at: time)]
            if (50..<53).contains(index) { persons.append(Walker(x: 1500).person(2, at: time, state: .tentative)) }
            if index >= 157 { persons.append(Walker(x: 1200).person(3, at: time, state: .tentative)) }
            // Longer than a tracker needs to be sure, though it never was.
            if (20..<30).contains(index) { persons.append(Walker(x: 900).person(4, at: time, state: .tentative)) }
            // No tracker that says anything.
            if (70..<72).contains(index) { persons.append(Walker(x: 600, height: 100).person(5, at: time, state: nil)) }
            return persons
        }
        let result = refine(frames)
        #expect(numbers(result.outcomes) == [1, 3, 4, 5])
        #expect(result.summary.removed == 1)
    }

    @Test("A confirmed person is confirmed from the first frame on")
    func confirmed() throws {
        let frames = try scene(30) { index, time in
            [Walker().person(1, at: time, state: index < 5 ? .tentative : .confirmed)]
        }
        #expect(refine(frames).outcomes.allSatisfy { $0.persons[0].state == .confirmed })
    }
}
