public import Messages

/// The second way through a session: gives every pose its refined persons.
///
/// Frames come out in order, some time after they went in: a frame waits until everything that bears on it has been seen,
/// which is the longest gap and what smooths its far end. In memory are the persons of that time and of a second
/// before it, whatever the session's length.
public final class RefinementPass {
    /// What was done so far; complete once `finish` has returned.
    public private(set) var summary: RefinementSummary

    private let plan: RefinementPlan
    private let options: RefinementOptions
    private let smoother: TrackSmoother?
    private let filler: GapFiller
    private var clock = FrameClock()
    private var frames: [Frame] = []
    private var segments: [UInt32: [TrackSegment]] = [:]
    private var displacement = Displacement()

    /// A frame that waits. Its persons are in their segments.
    private struct Frame {
        /// With the persons that go through as they are.
        var outcome: Outcome
        /// Those with a number that is none: they stay only where nothing better can be said of them.
        var unusable: [Person]
        let time: Double
    }

    /// More frames than this never wait, whatever their times say.
    private static let mostFrames = 8192
    /// Observations before a frame that still bear on it, in seconds: those that tell its noise.
    private static let memory = 1.0

    /// A pass over the session that the plan was made of.
    public init(_ plan: RefinementPlan, options: RefinementOptions) {
        self.plan = plan
        self.options = options
        summary = plan.summary
        smoother = options.smooths ? TrackSmoother(options.bounds) : nil
        filler = GapFiller(maxGap: options.maxGap, smoother: smoother)
    }

    /// Takes the session's next outcome, a drop included, and gives those that are now done: poses with refined persons, and
    /// drops as they were.
    public func add(_ outcome: Outcome) -> [Outcome] {
        let frame = outcome.frame
        let tick = clock.tick(sequence: frame.sequence.value, nanoseconds: frame.captureTime.nanoseconds)
        let time = plan.timeBase.seconds(tick)
        var waiting = Frame(outcome: outcome, unusable: [], time: time)
        if outcome.drop == nil { observe(&waiting) }
        frames.append(waiting)

        let horizon = options.maxGap + TrackSmoother.reach
        return release { frames, ready in
            time - frames[ready].time > horizon || frames.count - ready > Self.mostFrames
        }
    }

    /// Gives what still waits, once the session's last outcome was taken.
    public func finish() -> [Outcome] {
        let rest = release { _, _ in true }
        displacement.write(to: &summary)
        return rest
    }

    /// Persons of single frames in memory.
    package var observationsHeld: Int { segments.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.count } } }

    // MARK: - Taking

    /// Appends a frame's persons to their segments; leaves those in it that go through as they are.
    private func observe(_ frame: inout Frame) {
        let sequence = frame.outcome.frame.sequence.value
        let persons = frame.outcome.persons
        frame.outcome.persons = []
        var seen: Set<UInt32> = []
        for var person in persons {
            guard person.observed else {
                summary.predictionsReplaced += 1
                continue
            }
            if plan.removed.contains(person.trackID) { continue }
            let layout = BodyLayout(person)
            let identity = plan.identityOfTrack[person.trackID] ?? person.trackID
            person.trackID = identity
            guard let state = BodyState(person, layout) else {
                frame.unusable.append(person)
                continue
            }
            // Without a tracker all may have one number: only one of them can be followed.
            guard seen.insert(identity).inserted else {
                frame.outcome.persons.append(person)
                continue
            }
            let last = segments[identity]?.last
            if let last, last.layout == layout, let end = last.times.last, end < frame.time,
                frame.time - end <= options.maxGap
            {
                last.append(person, state, sequence: sequence, time: frame.time)
            } else {
                let segment = TrackSegment(layout)
                segment.append(person, state, sequence: sequence, time: frame.time)
                segments[identity, default: []].append(segment)
            }
        }
    }

    // MARK: - Giving

    private func release(while isReady: ([Frame], Int) -> Bool) -> [Outcome] {
        var ready = 0
        var done: [Outcome] = []
        while ready < frames.count, isReady(frames, ready) {
            done.append(refined(frames[ready]))
            ready += 1
        }
        if ready > 0 {
            let time = frames[ready - 1].time
            frames.removeFirst(ready)
            forget(before: time)
        }
        return done
    }

    private func refined(_ frame: Frame) -> Outcome {
        var outcome = frame.outcome
        summary.frames += 1
        guard outcome.drop == nil else {
            summary.drops += 1
            return outcome
        }
        summary.poses += 1
        summary.personsObserved += outcome.persons.count
        let sequence = outcome.frame.sequence.value
        // Sorted: dictionaries have no order of their own, and sums depend on it.
        for number in segments.keys.sorted() {
            // The last segment that has begun: an earlier one has ended before it.
            guard let segment = segments[number]?.last(where: { $0.sequences[0] <= sequence }),
                let index = segment.index(atOrBefore: sequence)
            else { continue }
            let identity = plan.identities[number] ?? .init()
            if segment.sequences[index] == sequence {
                outcome.persons.append(observed(segment, index, number, identity))
            } else if index + 1 < segment.count {
                outcome.persons.append(filled(segment, index, number, identity, at: frame.time))
            }
        }
        for person in frame.unusable where !outcome.persons.contains(where: { $0.trackID == person.trackID }) {
            outcome.persons.append(person)
            summary.personsObserved += 1
        }
        outcome.persons.sort { $0.trackID < $1.trackID }
        return outcome
    }

    private func observed(
        _ segment: TrackSegment, _ index: Int, _ number: UInt32, _ identity: RefinementPlan.Identity
    ) -> Person {
        var person = segment.persons[index]
        let sequence = segment.sequences[index]
        if let smoother {
            let state = segment.smoothed[sequence] ?? smoother.smoothed(segment, at: index)
            displacement.add(segment, index, state)
            person.take(state, segment.layout)
        }
        person.trackID = number
        // A track counts from its first frame on once it is known to be a person.
        if person.state != nil, identity.isConfirmed { person.state = .confirmed }
        if let shape = identity.shape { person.smpl?.betas = shape }
        summary.personsObserved += 1
        return person
    }

    private func filled(
        _ segment: TrackSegment, _ index: Int, _ number: UInt32, _ identity: RefinementPlan.Identity, at time: Double
    ) -> Person {
        var person = filler.person(segment, after: index, at: time, shape: identity.shape)
        person.trackID = number
        summary.personsFilled += 1
        if segment.lastGapFilled != segment.sequences[index] {
            segment.lastGapFilled = segment.sequences[index]
            summary.gapsFilled += 1
        }
        return person
    }

    private func forget(before time: Double) {
        for (number, list) in segments {
            var list = list
            while list.count > 1, let end = list[0].times.last, end < time { list.removeFirst() }
            list[0].release(before: time - Self.memory)
            let end = list[list.count - 1].times.last ?? time
            segments[number] = list.count == 1 && end + options.maxGap < time ? nil : list
        }
    }
}
