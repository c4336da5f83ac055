import Foundation
import Messages
import Refinement
import Testing

@Suite("Gaps")
struct FillingTests {
    private let walker = Walker()

    /// A session of one person who is not seen in some frames; `predicted` ones are the live tracker's guess, far off.
    private func scene(
        _ count: Int, unseen: Range<Int>, drops: Set<Int> = [], predicted: Bool = false,
        ids: (Int) -> UInt32 = { _ in 1 }
    ) throws -> [Outcome] {
        try (0..<count).map { index in
            if drops.contains(index) { return try outcome(index, nil) }
            let person = walker.person(ids(index), at: Double(index) / frameRate)
            guard unseen.contains(index) else { return try outcome(index, [person]) }
            guard predicted else { return try outcome(index, []) }
            var guess = Walker(x: 1500).person(ids(index), at: 0, state: .predicted)
            guess.observed = false
            return try outcome(index, [guess])
        }
    }

    @Test("A short gap is filled close to the truth, said to be predicted, and less sure the further from evidence")
    func short() throws {
        for predicted in [false, true] {
            let result = refine(try scene(60, unseen: 25..<35, predicted: predicted))
            let filled = result.outcomes[25..<35].map(\.persons)
            #expect(filled.allSatisfy { $0.count == 1 })
            for (index, persons) in zip(25..<35, filled) {
                let person = persons[0]
                let truth = walker.person(1, at: Double(index) / frameRate)
                #expect(person.trackID == 1 && !person.observed && person.state == .predicted)
                #expect(abs(person.bbox.x - truth.bbox.x) < 1 && abs(person.bbox.height - 300) < 1)
                // A limb that swings within the gap is off by a part of its swing (30 pixels to each side).
                for (a, b) in zip(person.keypoints2D, truth.keypoints2D) {
                    #expect(abs(a.x - b.x) < 12 && abs(a.y - b.y) < 1)
                }
                for (a, b) in zip(person.joints, truth.joints) { #expect(a.angle(to: b) < 0.12) }
                #expect(abs((person.cameraTranslation?.z ?? 0) - 5) < 0.01)
                #expect(person.smpl?.betas.count == 10 && person.focalLength == 1000)
            }
            let scores = filled.map { $0[0].score }
            #expect(scores[0] < 0.9 && scores[4] < scores[0] && scores[4] <= scores[9])
            #expect(filled[4][0].keypoints2D[0].z < filled[0][0].keypoints2D[0].z)
            #expect(result.summary.gapsFilled == 1 && result.summary.personsFilled == 10)
            #expect(result.summary.predictionsReplaced == (predicted ? 10 : 0))
        }
    }

    @Test("A gap longer than the limit stays empty, and the live guesses in it go")
    func long() throws {
        let frames = try scene(120, unseen: 40..<80, predicted: true)
        let result = refine(frames)
        #expect(result.outcomes[40..<80].allSatisfy { $0.persons.isEmpty })
        #expect(result.summary.personsFilled == 0)
        var options = RefinementOptions()
        options.maxGap = 2
        #expect(refine(frames, options: options).summary.personsFilled == 40)
        options.maxGap = 0
        let none = refine(try scene(60, unseen: 20..<21), options: options)
        #expect(none.summary.personsFilled == 0)
    }

    @Test("What was dropped stays dropped, in a gap and beside it")
    func drops() throws {
        let drops: Set = [10, 27, 28, 50]
        let frames = try scene(60, unseen: 25..<32, drops: drops)
        let result = refine(frames)
        #expect(result.outcomes.map { $0.drop?.reason } == frames.map { $0.drop?.reason })
        for index in drops { #expect(result.outcomes[index] == frames[index]) }
        #expect(result.outcomes[26].persons.count == 1 && result.outcomes[29].persons.count == 1)
        #expect(result.summary.drops == 4 && result.summary.poses == 56 && result.summary.frames == 60)
    }

    @Test("Before the first and after the last observation nothing is invented")
    func outside() throws {
        var frames = try scene(60, unseen: 0..<10)
        for index in 50..<60 { frames[index].persons = [] }
        let result = refine(frames)
        #expect(result.outcomes[..<10].allSatisfy { $0.persons.isEmpty })
        #expect(result.outcomes[50...].allSatisfy { $0.persons.isEmpty })
    }

    @Test("The curve leaves the straight line by a tenth of the person at most")
    func overshoot() throws {
        // A very fast limb on both sides of a gap of nearly a second.
        var fast = Walker()
        fast.extra = { 150 * sin(9 * $0) }
        let frames = try (0..<90).map { index in
            try outcome(index, (30..<58).contains(index) ? [] : [fast.person(1, at: Double(index) / frameRate)])
        }
        let refined = refine(frames).outcomes
        let ends = [29, 58].map { refined[$0].persons[0].keypoints2D[0].y }
        for index in 30..<58 {
            let line = ends[0] + (ends[1] - ends[0]) * Float(index - 29) / 29
            #expect(abs(refined[index].persons[0].keypoints2D[0].y - line) <= 2 * 30 + 0.1)
        }
    }

    @Test("Persons with other numbers (another engine) are not mixed")
    func layouts() throws {
        let frames = try (0..<40).map { index -> Outcome in
            var person = walker.person(1, at: Double(index) / frameRate)
            if index >= 20 {
                person.smpl = nil
                person.keypoints3D = []
            }
            return try outcome(index, (18..<22).contains(index) ? [] : [person])
        }
        let result = refine(frames)
        #expect(result.outcomes[18..<22].allSatisfy { $0.persons.isEmpty })
        #expect(result.outcomes[30].persons[0].smpl == nil && result.outcomes[5].persons[0].smpl != nil)
    }

    @Test("Every frame comes out once and in order, whatever its times; twice the same bytes")
    func order() throws {
        var noise = Noise(9)
        let frames = try (0..<400).map { index in
            let time = Double(index) / frameRate - (index > 200 ? 5000 : 0)
            if index % 17 == 0 { return try outcome(index, nil, time: time) }
            if index % 5 == 0 { return try outcome(index, [], time: time) }
            let persons = [
                walker.person(3, at: Double(index) / frameRate).noisy(&noise),
                Walker(x: 900, speed: -20).person(1, at: Double(index) / frameRate).noisy(&noise),
            ]
            return try outcome(index, persons, time: time)
        }
        let first = refine(frames)
        #expect(first.outcomes.map(\.frame) == frames.map(\.frame))
        #expect(first.outcomes.allSatisfy { $0.persons.map(\.trackID) == $0.persons.map(\.trackID).sorted() })
        let second = refine(frames)
        #expect(first.outcomes.map { $0.wireBytes() } == second.outcomes.map { $0.wireBytes() })
        #expect(first.summary == second.summary)
    }

    @Test("Memory is that of a second and a half, however long the session")
    func memory() throws {
        var survey = SessionSurvey(options: .init())
        let frames = try (0..<3000).map { try outcome($0, [walker.person(1, at: Double($0) / frameRate)]) }
        for frame in frames { survey.add(frame) }
        let pass = RefinementPass(survey.plan(), options: .init())
        var waiting = 0
        for frame in frames {
            waiting += 1 - pass.add(frame).count
            #expect(waiting <= 48)
            #expect(pass.observationsHeld <= 48 + 30 + 65)
        }
    }
}
