internal import ArgumentParser
internal import Foundation
internal import Messages
internal import Refinement
internal import Stage
internal import Store

/// `posebus refine`: goes through stored sessions once more, with what came later at hand.
struct RefineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refine",
        abstract: "Join, fill and smooth the persons of stored sessions, as a new revision beside the original.",
        discussion: """
            Joins the fragments of one person that the live tracker lost, fills short gaps between observations (such persons \
            have "observed": false and state predicted), gives each person one body shape, and smooths with the frames before \
            and after. Frames that were dropped stay drops, and what was stored live stays as it is.

            A session must have ended; one that was cut off is refined, up to its last outcome, when --session names it. No \
            sink may have the store open meanwhile. An interrupted refinement leaves nothing that can be seen.

              posebus refine posebus.sqlite
              posebus export --store posebus.sqlite --revision latest

            Exit status: 0 done, 1 there was nothing to refine, 74 the store cannot be read or written.
            """)

    @Argument(help: "The store, as given to posebus up or posebus-sink.")
    var store: String

    @Option(help: "Only this stream.")
    var stream: String?

    @Option(help: "Only this session (a UUID).")
    var session: String?

    @Option(help: ArgumentHelp("Fill stretches of at most so many seconds without evidence.", valueName: "seconds"))
    var maxGap = RefinementOptions().maxGap

    @Option(help: ArgumentHelp("Join fragments at most so many seconds apart.", valueName: "seconds"))
    var maxJoin = RefinementOptions().maxJoin

    @Option(
        help: ArgumentHelp(
            "The frames are evenly spaced at this rate, whatever their times say.", valueName: "frames/s"))
    var frameRate: Double?

    @Flag(help: "Join and fill only; observations stay as they are.")
    var noSmoothing = false

    func validate() throws {
        // Persons between two observations wait in memory for the second one.
        guard (0...60).contains(maxGap) else { throw ValidationError("--max-gap: 0 to 60 seconds") }
        guard (0...3600).contains(maxJoin) else { throw ValidationError("--max-join: 0 to 3600 seconds") }
        guard frameRate.map({ (0.001...10_000).contains($0) }) ?? true else {
            throw ValidationError("--frame-rate: 0.001 to 10000 frames a second")
        }
    }

    func run() throws {
        do {
            try refine()
        } catch let error as StoreError {
            let advice =
                error.kind == .inUse
                ? ". A session can be refined while no sink has its store open: stop posebus up (or posebus-sink) first"
                : ""
            throw failure(error.description + advice, .ioError)
        } catch let error as StreamName.Invalid {
            throw failure("--stream: \(error)", .validationFailure)
        } catch let error as StageFailure {
            throw failure(error.description, error.exitCode)
        }
    }

    private func refine() throws {
        // Only to read at first: a file that is no store, or not there, is not made one.
        let chosen = try SessionSelection(stream: stream, session: session).sessions(try StoreReader(path: store))
        guard !chosen.isEmpty else { throw StageFailure("\(store) holds no session yet", exitCode: .failure) }
        let writer = try StoreWriter(path: store)
        var options = RefinementOptions()
        options.maxGap = maxGap
        options.maxJoin = maxJoin
        options.frameRate = frameRate
        options.smooths = !noSmoothing

        var refined = 0
        for session in chosen {
            // Read again: the sink may have gone on until the lock was ours.
            guard let session = try writer.reader.session(session.session) else { continue }
            guard session.ended != nil || self.session != nil else {
                printError(
                    "\(session.stream)  \(session.session)  has not ended: left as it is. Name it with --session to refine what "
                        + "there is of it")
                continue
            }
            if try SessionRefinement(store: writer, session: session, options: options).run() { refined += 1 }
        }
        try writer.close()
        guard refined > 0 else { throw StageFailure("\(store): nothing was refined", exitCode: .failure) }
        printError("read them with: posebus export --store \(store) --revision latest")
    }

    private func failure(_ text: String, _ code: ExitCode) -> ExitCode {
        printError("posebus refine: \(text)")
        return code
    }
}
