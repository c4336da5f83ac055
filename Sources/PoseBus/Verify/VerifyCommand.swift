internal import ArgumentParser
internal import Foundation
internal import Messages
internal import Stage
internal import Store

/// `posebus verify`: proves the promise on a store.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Prove that a store holds one outcome for every frame; exit status 0 only if it does.",
        discussion: """
            Reads everything and checks, for each session: its sequences have no gap, each has exactly one outcome, stored in \
            order, whose body can be read and agrees with its row; the counters are right; and a session that has ended \
            holds every frame that ingest numbered. Revisions that posebus refine made have a body for each pose and for no drop. \
            SQLite checks the file itself.

            A session that has not ended is complete up to its last outcome: it runs still, or its ingest was killed.

            Exit status: 0 it holds, 1 it does not, 74 the file cannot be checked. The store may be in use by a running sink.

              posebus verify posebus.sqlite
            """)

    @Argument(help: "The store, as given to posebus up or posebus-sink.")
    var store: String

    @Flag(help: "Print only what is wrong.")
    var quiet = false

    func run() throws {
        let verdict: StoreVerdict
        let progress = ProgressLine()
        do throws(StoreError) {
            let reader = try StoreReader(path: store)
            verdict = try reader.verify { progress.update("checked \(Int($0).grouped) outcomes") }
            progress.clear()
        } catch {
            progress.clear()
            printError("posebus verify: \(error)")
            throw error.kind == .damaged ? ExitCode.failure : .ioError
        }
        for finding in verdict.findings { print("WRONG  \(finding)") }
        for session in verdict.sessions where !quiet || !session.findings.isEmpty { print(Self.lines(session)) }
        let outcomes = Int(verdict.sessions.reduce(0) { $0 + $1.outcomes })
        let what = "\(verdict.sessions.count.grouped) sessions, \(outcomes.grouped) outcomes"
        guard verdict.holds else {
            let wrong = verdict.sessions.count { !$0.findings.isEmpty }
            printError("posebus verify: \(store) does not hold what it should: \(what), \(wrong) sessions with errors")
            throw ExitCode.failure
        }
        if !quiet { print("holds: \(what), each frame once and in order") }
    }

    private static func lines(_ verdict: SessionVerdict) -> String {
        let session = verdict.session
        let range = session.next == session.first ? "no frames" : "frames \(session.first) to \(session.next.value - 1)"
        let end = session.ended == nil ? "has not ended" : "complete"
        let refined =
            switch verdict.revisions {
            case 0: ""
            case 1: ", refined once"
            default: ", refined \(verdict.revisions) times"
            }
        let first =
            "\(verdict.findings.isEmpty ? "ok   " : "WRONG")  \(session.stream)  \(session.session)  \(range): "
            + "\(session.poses) poses, \(session.drops) drops; \(end)"
            + refined
        return ([first] + verdict.findings.map { "         \($0)" }).joined(separator: "\n")
    }
}
