internal import Foundation

/// Where a pipeline hangs, in words.
package struct Verdict: Sendable, Encodable, Equatable {
    /// How bad it is.
    package enum Level: String, Sendable, Encodable {
        /// Frames go through as they come, or none are fed.
        case ok
        /// They go through, and more come than can be taken.
        case slow
        /// Something is away or does not move.
        case stuck
    }

    package let level: Level
    /// One sentence, or two.
    package let text: String

    package init(_ level: Level, _ text: String) {
        self.level = level
        self.text = text
    }

    /// The first that is wrong, from what stops everything to what only slows it down.
    package init(on status: PipelineStatus) {
        self =
            Self.absence(status) ?? Self.standstill(status, .stuck) ?? Self.standstill(status, .starting)
            ?? Self.cutLink(status) ?? Self.standstill(status, .stalled) ?? Self.failingStore(status)
            ?? Self.slowest(status) ?? Self.quiet(status)
    }

    // MARK: - What is away

    private static func absence(_ status: PipelineStatus) -> Verdict? {
        let expected = status.stages.filter(\.isExpected)
        let away = expected.filter { $0.state == .away }
        guard !away.isEmpty else { return nil }
        if away.count == expected.count {
            return Verdict(
                .stuck,
                "No stage answers. Start the pipeline (posebus up), or say where it is: --ingest, --infer, --sink URL.")
        }
        // The further down a stage is, the more waits for it.
        let order: [StageAddress.Kind] = [.sink, .infer, .ingest, .gateway]
        let first = order.lazy.compactMap { kind in away.first { $0.stage == kind } }.first ?? away[0]
        let waiting = status.waitingFrames > 0 ? "; \(count(status.waitingFrames, "frame")) wait in ingest" : ""
        let meaning =
            switch first.stage {
            case .sink: "nothing is stored or acknowledged\(waiting)"
            case .infer where away.count { $0.stage == .infer } < expected.count { $0.stage == .infer }:
                "its streams go to the other infers, or wait\(waiting)"
            case .infer: "no frame is looked at\(waiting)"
            case .ingest: "no frame is accepted, feeders wait"
            case .gateway: "no viewer and no HTTP; frames go through all the same"
            }
        return Verdict(
            .stuck, "\(name(first)) does not answer (\(first.reasons.first ?? "no reason known")): \(meaning).")
    }

    private static func standstill(_ status: PipelineStatus, _ state: PipelineStatus.State) -> Verdict? {
        guard let stage = status.stages.first(where: { $0.state == state }) else { return nil }
        let reasons = stage.reasons.joined(separator: "; ")
        let usual =
            switch state {
            case .stuck: "a thread does not move"
            case .starting: "it is not ready yet"
            default: "it has work in hand and finishes none"
            }
        return Verdict(.stuck, "\(name(stage)): \(reasons.isEmpty ? usual : reasons).")
    }

    private static func cutLink(_ status: PipelineStatus) -> Verdict? {
        if let link = status.links.first(where: { !$0.isConnected && ($0.streams > 0 || status.links.count == 1) }) {
            return Verdict(
                .stuck,
                "Ingest has no connection to infer at \(link.infer): \(count(link.streams, "stream")) wait for it.")
        }
        if let infer = status.infers.first(where: { $0.isSinkConnected == false }) {
            return Verdict(
                .stuck,
                "Infer at \(infer.url.dropFirst(7)) has no connection to the sink: "
                    + "\(count(infer.outboxMessages, "outcome")) wait for it.")
        }
        return nil
    }

    private static func failingStore(_ status: PipelineStatus) -> Verdict? {
        guard let sink = status.sink, let rate = sink.commitFailuresPerSecond, rate > 0 else { return nil }
        return Verdict(.stuck, "The sink cannot write its store; its log says why. Frames are kept until it can.")
    }

    // MARK: - What is slow

    private static func slowest(_ status: PipelineStatus) -> Verdict? {
        let full = status.streams.filter(\.isFull)
        guard let first = full.first else { return nil }
        let who =
            full.count == 1
            ? "The window of \(first.name) is full" : "The windows of \(count(Double(full.count), "stream")) are full"
        let why: String
        if let infer = status.infers.max(by: { ($0.engineShare ?? 0) < ($1.engineShare ?? 0) }),
            let share = infer.engineShare, share > 0.7
        {
            why = "the engine is the slowest part, busy \(percent(share)) of the time"
        } else if let share = status.sink?.commitShare, share > 0.7 {
            why = "storing is the slowest part, busy \(percent(share)) of the time"
        } else {
            why = "more comes than goes through"
        }
        return Verdict(.slow, "\(who): \(why). Lossless feeders wait, live streams shed.")
    }

    private static func quiet(_ status: PipelineStatus) -> Verdict {
        guard status.streams.contains(where: \.isActive) else { return Verdict(.ok, "All is well. No stream is fed.") }
        let out = status.sink?.outcomesPerSecond.map { ", \(fixed($0, 1)) out" } ?? ""
        let flow = status.acceptedPerSecond.map { ": \(fixed($0, 1)) frames/s in\(out)" } ?? ""
        return Verdict(.ok, "Everything moves\(flow).")
    }

    private static func name(_ stage: PipelineStatus.Stage) -> String {
        let word = stage.stage == .sink || stage.stage == .gateway ? "The \(stage.stage)" : "\(stage.stage)".capitalized
        return "\(word) at \(stage.place)"
    }
}

/// `1 frame`, `2 frames`.
func count(_ number: Double, _ word: String) -> String {
    "\(Int(number)) \(word)\(number == 1 ? "" : "s")"
}

private func percent(_ share: Double) -> String { "\(Int(min(1, share) * 100)) %" }
