internal import ArgumentParser
internal import Foundation
internal import FrameSources
internal import Messages
internal import Security
internal import Stage
internal import Synchronization

/// `posebus feed`: a camera or a recording becomes a stream.
struct FeedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feed",
        abstract: "Feed a video, images or a camera to an ingest.",
        discussion: """
            SOURCE is one of
              ride.mp4              a video file (any kind ffmpeg reads)
              frames/  'f*.jpg'     a folder, or a quoted glob, of images
              /dev/video0           a camera of this machine
              rtsp://host/path      a network camera
              -                     JPEGs one after the other on standard input
              test:                 a rendered person with known joints, to try things:
                                    test:?frames=300&width=640&height=480&fps=30
                                    and &seed=1&persons=1&realtime=no&quality=90

            Files are fed lossless: every frame, as fast as it is processed. Cameras are fed live: when the pipeline cannot \
            keep up, frames are shed and each is recorded. Ctrl-C ends the stream properly.
            """)

    @Argument(help: "What to feed; see above.")
    var source: String

    @Option(help: "Name of the stream. Default: from the source's name.")
    var stream: String?

    @Option(help: "Ingest's endpoint for REQ and DEALER feeders.")
    var to = Port.framesRequest.loopback

    @Option(help: "Frames that may be unanswered at once.")
    var outstanding = 16

    @Option(help: "With test: write the known joints to this file, one JSON object a frame.")
    var joints: String?

    @OptionGroup(title: "Security") var security: SecurityOptions

    func validate() throws {
        guard (1...64).contains(outstanding) else { throw ValidationError("--outstanding must be from 1 to 64") }
    }

    func run() async throws {
        do {
            let spec = try FrameSourceSpec(parsing: source)
            let run = FeedRun(spec, stream: try StreamName(stream ?? StreamNaming.name(for: source)))
            let keys = try security.security(for: "posebus", program: "posebus feed", log: { printError($0) })
            let file = try joints.map { try JointsFile(path: $0, for: [spec]) }
            try await feed(run, keys: keys, joints: file)
        } catch let error as FrameSourceError {
            printError("posebus feed: \(error)")
            throw ExitCode.failure
        } catch let error as StreamName.Invalid {
            printError("posebus feed: --stream: \(error)")
            throw ExitCode.validationFailure
        }
    }

    private func feed(_ run: FeedRun, keys: StageSecurity, joints: JointsFile?) async throws {
        let progress = ProgressLine()
        let meter = RateMeter()
        try await withInterrupt {
            $0 > 1 ? run.abandon() : run.cancel()
        } while: {
            let start = ContinuousClock.now
            let hasSaidWaiting = Mutex(false)
            try await whileRunning { [to] in
                let status = run.status
                if status.accepted == 0, status.sent > 0, .now - start > .seconds(3) {
                    hasSaidWaiting.withLock { said in
                        if !said { progress.print("nothing is accepted yet: does an ingest run at \(to)?") }
                        said = true
                    }
                }
                progress.update(
                    "\(run.stream): \(status.accepted)\(status.expected.map { " of \($0)" } ?? "") frames accepted"
                        + ", \(status.refused) refused, \(meter.rate(status.accepted).fixed(1)) frames/s")
            } work: {
                try await run.run(to: to, access: keys.access, outstanding: outstanding, joints: joints)
            }
        }
        progress.clear()
        let status = run.status
        printError("\(run.stream): \(status.accepted) frames accepted, \(status.refused) refused")
        if let refusal = status.lastRefusal { printError("\(run.stream): the last refusal: \(refusal)") }
        if let warning = status.warning { printError("\(run.stream): \(warning)") }
        if let refusal = status.endRefusal {
            printError("posebus feed: ingest at \(to) refused the stream \(run.stream): \(refusal)")
            throw ExitCode.failure
        }
        if !status.isDone {
            printError("posebus feed: ingest at \(to) did not confirm the end of the stream; is it running?")
            throw ExitCode.failure
        }
    }
}
