package import Logging
package import Stage
internal import Synchronization
package import ZeroMQ

/// Works the jobs off, one at a time and in order, on a thread of its own.
///
/// A job is one run of one stream. It is completed when every frame that was fed has its outcome in the sink's store, and
/// begun again from its first frame, as another stream, when the gateway or ingest ended in the middle: half a session
/// with a second half in another is no result. A stage that is away meanwhile is waited for.
package final class JobRunner: Sendable {
    /// Where the bus is, and what a job may take.
    package struct Configuration: Sendable {
        /// Ingest's ROUTER.
        package var ingest: String
        /// The sink's results.
        package var results: String
        /// The sink's replay.
        package var replay: String
        /// How long a job may be processed; nil: for as long as it goes on.
        package var timeout: Duration?
        /// Frames that ingest may owe an answer for.
        package var outstanding = 16
        /// How often a job is begun before it counts as failed.
        package var maxAttempts = 5
        /// How long the video's decoder may give no frame.
        package var stallTimeout = Duration.seconds(120)

        package init(ingest: String, results: String, replay: String, timeout: Duration? = nil) {
            self.ingest = ingest
            self.results = results
            self.replay = replay
            self.timeout = timeout
        }
    }

    /// The list that it works off.
    package let store: JobStore
    /// The files it owns.
    package let uploads: UploadFolder
    private let configuration: Configuration
    private let context: Context
    private let logger: Logger
    private let news = Mailbox<Void>()
    private let current = Mutex<Current?>(nil)

    private struct Current {
        var job: Job
        let run: VideoRun
    }

    /// Takes the list over from an earlier life of the gateway: what that had begun is queued again, and uploads that
    /// became no job are deleted.
    package init(
        _ configuration: Configuration, store: JobStore, uploads: UploadFolder, in context: Context, logger: Logger
    ) throws {
        self.configuration = configuration
        self.store = store
        self.uploads = uploads
        self.context = context
        self.logger = logger
        try store.recover()
        uploads.deleteAll(except: try store.pathsInUse())
    }

    // MARK: - What requests ask

    /// Queues a job.
    ///
    /// - Returns: the job with its place: 0 where it is begun at once.
    /// - Throws: `JobError` where too many wait.
    package func submit(_ job: Job, limit: Int = 1000) async throws -> Job {
        let added = try await store.add(job, limit: limit)
        news.post(())
        return added
    }

    /// A job with its progress as of now.
    package func job(_ id: String) async throws -> Job? {
        try await store.job(id).map(withProgress)
    }

    /// The newest jobs, newest last.
    package func jobs(limit: Int) async throws -> [Job] {
        try await store.jobs(limit: limit).map(withProgress)
    }

    /// Cancels a job. One that is being processed ends with the frames it has; they keep their outcomes.
    ///
    /// - Returns: the job, once it is cancelled or over; nil where there is no such job.
    package func cancel(_ id: String) async throws -> Job? {
        while let job = try await store.job(id) {
            if job.status.isOver { return job }
            if job.status == .queued, try await store.cancelQueued(id) {
                if job.isUpload { uploads.delete(job.path) }
                continue
            }
            // Again and again: it may just be beginning, or beginning anew.
            current.withLock { current in
                if let current, current.job.id == id { current.run.cancel() }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }

    /// Waits for a job's end. Whoever waits may give up: the job goes on.
    package func waitUntilOver(_ id: String) async throws -> Job? {
        while let job = try await job(id) {
            if job.status.isOver { return job }
            try await Task.sleep(for: .milliseconds(100))
        }
        return nil
    }

    /// Rows are written when something changes for good; how many frames are done is known here alone.
    private func withProgress(_ job: Job) -> Job {
        guard let live = current.withLock({ $0 }), live.job.id == job.id, !job.status.isOver else { return job }
        let progress = live.run.progress
        var job = job
        job.stream = progress.stream
        job.session = progress.session
        job.frames = progress.outcomes
        job.total = progress.total
        return job
    }

    // MARK: - The thread

    /// The thread's life: until it is told to stop. What is being processed then is begun again by the next.
    package func run(until stop: StopSignal) throws {
        let poller = Poller()
        _ = poller.watch(fileDescriptor: stop.fileDescriptor)
        _ = poller.watch(fileDescriptor: news.fileDescriptor)
        while !stop.isRequested {
            _ = news.drain()
            do {
                while !stop.isRequested, let job = try store.beginNext() { try process(job, until: stop) }
                try poller.wait(timeout: nil)
            } catch let error as JobError {
                // A full disk, say: the jobs stay where they are.
                logger.error("\(error)")
                try poller.wait(timeout: .seconds(5))
            }
        }
    }

    private func process(_ job: Job, until stop: StopSignal) throws {
        var job = job
        let earlier = job.attempts > 1 ? job.stream : nil
        if let earlier { job.stream = earlier.forAttempt(job.attempts) }
        logger.info(
            "a job begins: \(job.source) is fed", metadata: job.logMetadata.with(["attempt": "\(job.attempts)"]))
        let run = VideoRun(job, after: earlier, configuration, in: context)
        current.withLock { $0 = Current(job: job, run: run) }
        defer { current.withLock { $0 = nil } }
        try store.save(job)
        let end = run.run(until: stop)
        let progress = run.progress
        job.session = progress.session
        job.frames = progress.outcomes
        job.total = progress.total
        switch end {
        case .completed: job.finish(.completed)
        case .cancelled: job.finish(.cancelled)
        case .failed(let reason): job.finish(.failed, error: reason)
        case .stopped:
            // It stays as being processed: the gateway's next life begins it again.
            return try store.save(job)
        case .interrupted(let reason) where job.attempts < configuration.maxAttempts:
            logger.warning("a job begins again: \(reason)", metadata: job.logMetadata)
            try store.save(job)
            return try store.requeue(job.id)
        case .interrupted(let reason):
            job.finish(.failed, error: "\(reason), \(job.attempts) times; nothing more is tried")
        }
        try store.save(job)
        if job.isUpload { uploads.delete(job.path) }
        logger.info(
            "a job is \(job.status.rawValue)\(job.error.map { ": \($0)" } ?? "")",
            metadata: job.logMetadata.with(["frames": "\(job.frames)"]))
    }
}

extension Job {
    /// What says in a log which job a line is about.
    fileprivate var logMetadata: Logger.Metadata {
        .stream(stream, session: session).with(["job": "\(id)"])
    }
}
