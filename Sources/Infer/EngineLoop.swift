internal import Engines
internal import JPEG
internal import Logging
internal import Messages
internal import Metering
internal import Settings
internal import Stage
internal import ZeroMQ

/// A frame that infer is done with.
struct FinishedFrame: Sendable {
    let outcome: Outcome
    /// The frame as it came, for sinks that keep frames.
    let payload: Message?
    /// What the engine knows of the session's persons after this frame, for an infer that goes on with it.
    var sessionState: [UInt8] = []
}

/// The engine's thread: takes batches, runs the engine and posts one outcome for every frame.
struct EngineLoop {
    let engine: any PoseEngine
    let queue: FrameQueue
    let finished: Mailbox<[FinishedFrame]>
    /// Told at which size each frame was looked at.
    let scales: ExpectedScales
    let maxBatch: Int
    let maxWait: Duration
    let logger: Logger
    let metrics: InferMetrics
    let pulse: Watchdog.Pulse?
    /// How long a batch may take.
    let patience: Duration
    let fault: InjectedFault?

    /// Works until the queue is closed and empty.
    func run() {
        // The first inference compiles and allocates.
        var patience = patience * 10
        let maxWait = engine.gainsFromBatches ? maxWait : .zero
        while let work = queue.nextWork(maxBatch: maxBatch, maxWait: maxWait) {
            switch work {
            case .batch(let jobs):
                pulse?.beginWork(patience: patience)
                metrics.take(jobs)
                fault?.strike(jobs.map(\.header))
                finished.post(process(jobs))
                metrics.withEngine.set(nil)
                pulse?.rest()
                patience = self.patience
            case .forget(let session):
                engine.forget(session)
                scales.forget(session)
            }
        }
    }

    private func process(_ jobs: [FrameJob]) -> [FinishedFrame] {
        let start = Timestamp.now
        let usable = jobs.filter { $0.failure == nil }
        for job in jobs where job.header.isStill || job.startsOver { engine.forget(job.header.session) }
        if !usable.isEmpty { metrics.batch.observe(Double(usable.count)) }
        let answers = usable.isEmpty ? [] : metrics.engine.measure { answer(usable) }
        let duration = Timestamp.now.milliseconds(since: start)
        for job in usable { scales.note(job.picture?.firstWanted, of: job.header.session) }
        // Nobody is followed out of a still either.
        for job in usable where job.header.isStill {
            engine.forget(job.header.session)
            scales.forget(job.header.session)
        }

        var next = answers.makeIterator()
        return jobs.map { job in
            var outcome = Outcome(frame: job.header, engine: engine.name, skeleton: engine.skeleton)
            var sessionState: [UInt8] = []
            outcome.timing.ingest = job.header.ingestMilliseconds
            outcome.timing.queue = max(0, start.milliseconds(since: job.header.acceptedTime))
            if let failure = job.failure {
                outcome.drop = failure
            } else {
                outcome.timing.infer = duration
                switch next.next() {
                case .success(let answer)?:
                    outcome.persons = answer.persons
                    sessionState = job.header.isStill ? [] : answer.sessionState
                case .failure(let failure)?: outcome.drop = failure.drop
                case nil: preconditionFailure("the engine left a frame unanswered")
                }
            }
            return FinishedFrame(outcome: outcome, payload: job.payload, sessionState: sessionState)
        }
    }

    private struct Failure: Error {
        let drop: Drop
    }

    /// One answer a frame. When a batch fails its frames are tried one by one, so that one bad frame costs no other.
    private func answer(_ jobs: [FrameJob]) -> [Result<EngineAnswer, Failure>] {
        do {
            let answers = try engine.process(jobs.map(\.engineFrame))
            precondition(
                answers.count == jobs.count, "engine \(engine.name) answered \(answers.count) of \(jobs.count)")
            return answers.map { .success($0) }
        } catch {
            if jobs.count > 1 { return jobs.flatMap { answer([$0]) } }
            let header = jobs[0].header
            logger.warning(
                "engine \(engine.name) failed on a frame, which is recorded as a drop",
                metadata: .frame(header).with(["error": "\(error)"]))
            return [.failure(Failure(drop: Drop(stage: .infer, reason: .inferenceFailed, detail: "\(error)")))]
        }
    }
}

extension FrameJob {
    fileprivate var engineFrame: EngineFrame {
        EngineFrame(
            session: header.session, stream: header.stream, sequence: header.sequence, captureTime: header.captureTime,
            picture: picture, isLive: header.delivery == .live, savedState: header.isStill ? [] : savedState)
    }
}
