internal import Foundation
internal import Messages
internal import Refinement
internal import Stage
internal import Store
internal import Tracking

/// The refinement of one session: read twice from the store, written once into it.
struct SessionRefinement {
    let store: StoreWriter
    let session: SessionRecord
    let options: RefinementOptions

    /// Refines the session and prints what was done.
    ///
    /// - Returns: false where nobody was seen in it, and so nothing was written.
    func run() throws -> Bool {
        let name = "\(session.stream)  \(session.session)"
        let progress = ProgressLine()
        defer { progress.clear() }
        let started = ContinuousClock.now

        var survey = SessionSurvey(options: options)
        try forEachOutcome("reading", progress) { survey.add($0) }
        let plan = survey.plan(appearance: .colours)
        guard plan.summary.tracks > 0 else {
            progress.clear()
            print("\(name)  nobody was seen: nothing to refine")
            return false
        }

        let revision = try store.beginRevision(of: session, options: try json(options))
        do {
            let pass = RefinementPass(plan, options: options)
            func write(_ outcomes: [Outcome]) throws {
                for outcome in outcomes where outcome.drop == nil { try revision.append(outcome) }
            }
            try forEachOutcome("refining", progress) { try write(pass.add($0)) }
            try write(pass.finish())
            try revision.finish(summary: try json(pass.summary))
            progress.clear()
            let seconds = (ContinuousClock.now - started) / .seconds(1)
            print("\(name)  revision \(revision.number), \(Self.text(pass.summary, seconds: seconds))")
        } catch {
            revision.abandon()
            throw error
        }
        return true
    }

    private func forEachOutcome(_ doing: String, _ progress: ProgressLine, _ body: (Outcome) throws -> Void) throws {
        let total = session.poses + session.drops
        var count: UInt64 = 0
        guard session.next > session.first else { return }
        // As far as the session went when its revision was begun.
        let last = SequenceNumber(session.next.value - 1)
        try store.reader.forEachOutcome(of: session.session, through: last) { record in
            let outcome: Outcome
            do throws(WireError) {
                outcome = try record.outcome()
            } catch {
                throw StageFailure(
                    "\(store.path), session \(session.session), sequence \(record.sequence) cannot be read: \(error). "
                        + "posebus verify says what else is wrong", exitCode: .ioError)
            }
            try body(outcome)
            count += 1
            if count.isMultiple(of: 500) {
                progress.update("\(session.stream): \(doing) \(Int(count).grouped) of \(Int(total).grouped) frames")
            }
        }
    }

    private func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func text(_ summary: RefinementSummary, seconds: Double) -> String {
        var lines = [
            "\(summary.frames.grouped) frames (\(summary.drops.grouped) drops) in \(seconds.fixed(1)) s "
                + "(\(Int(Double(summary.frames) / max(seconds, 1e-3)).grouped) frames/s):",
            "\(summary.tracks.grouped) → \(summary.identities.grouped) identities: \(summary.joined.grouped) joined, "
                + "\(summary.removed.grouped) tracks of nobody removed",
            "\(summary.gapsFilled.grouped) gaps filled with \(summary.personsFilled.grouped) persons; "
                + "\(summary.predictionsReplaced.grouped) live predictions replaced",
            "\(summary.personsObserved.grouped) persons observed, moved on average by "
                + "\(summary.meanDisplacementPixels.fixed(2)) pixels "
                + "(\((summary.meanDisplacementShare * 100).fixed(2)) % of the person), "
                + "\(summary.meanDisplacementMillimetres.fixed(1)) mm, \(summary.meanRotationDegrees.fixed(2))°",
        ]
        if !summary.usesCaptureTimes {
            lines.append("the frames' times are uneven and were not used: frames count as evenly spaced (--frame-rate)")
        }
        return lines.joined(separator: "\n    ")
    }
}

extension AppearanceMeasure {
    /// The colours of clothes, as the tracker describes them. The numbers are those of two riders in two clips: seconds apart
    /// one person's colours differ by 2.5 times the unit, two persons' by 8; how much that scatters is that of so many
    /// independent features, at the cautious end.
    fileprivate static let colours = AppearanceMeasure(samePerson: 2.5, differentPersons: 8, features: 4) { a, b in
        guard let a = PartColours(bytes: a), let b = PartColours(bytes: b) else { return nil }
        return a.difference(from: b)
    }
}
