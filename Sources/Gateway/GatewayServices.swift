internal import Client
internal import Jobs
internal import Logging
internal import Security
internal import ServiceLifecycle
internal import Stage
internal import Status
internal import ZeroMQ

/// What the routes work with. Each topic of the API takes from it what it needs.
struct GatewayServices: Sendable {
    let configuration: GatewayConfiguration
    let logger: Logger
    /// What is live, and whom it goes to.
    let hub: Hub
    /// How the pipeline is.
    let pipeline: PipelineState
    /// What is stored.
    let archive: ArchiveService
    /// The meshes of bodies.
    let meshes: MeshMaker
    /// What is posted, on its way to ingest.
    let feeds: FrameFeeds
    /// What is fed on somebody's behalf.
    let jobs: GatewayJobs
    /// What it says of itself.
    let status: StageStatus
    let metrics: GatewayMetrics
    /// For threads with sockets of their own.
    let context: Context
    private let watchdog: Watchdog

    /// - Parameter watchdog: keeps watch over the threads.
    init(_ configuration: GatewayConfiguration, logger: Logger, watchdog: Watchdog) throws {
        self.configuration = configuration
        self.logger = logger
        self.watchdog = watchdog
        context = try Context(access: configuration.security.access)
        hub = Hub()
        pipeline = PipelineState(configuration, version: Release.version)
        archive = ArchiveService(at: configuration.replay, in: context)
        feeds = FrameFeeds(to: configuration.ingest, in: context)
        meshes = MeshMaker(folder: configuration.hmr2Folder)
        jobs = try GatewayJobs(configuration, in: context, logger: logger)
        status = StageStatus(.gateway, watchdog: watchdog)
        metrics = GatewayMetrics(status.metrics, hub: hub, jobs: jobs.runner.store)
        status.isReady(onlyWithout: { [pipeline] in pipeline.problems })
        pipeline.count { [store = jobs.runner.store] in (store.counts.queued, store.counts.processing) }
    }

    /// The threads between the bus and HTTP.
    var threads: [any Service] {
        let results = Mailbox<Subscriber.Event>()
        let feed = ResultsFeed(configuration: configuration, context: context, logger: logger, results: results)
        let pulse = watchdog.watch("bus", meaning: "viewers see nothing new, and the state of the stages is not known")
        // Without anything to feed, what waits in the state folder goes on waiting.
        let feeding = configuration.isForRecordingsOnly ? [] : jobs.services
        return archive.services + feeding + [
            ThreadService(named: "feeds") { [feeds] stop in try feeds.run(until: stop) },
            ThreadService(named: "results") { stop in try feed.run(until: stop) },
            ThreadService(named: "bus") { [self] stop in
                let loop = try BusLoop(
                    configuration, context: context, hub: hub, state: pipeline, meshes: meshes, results: results,
                    logger: logger)
                defer { pulse.rest() }
                try loop.run(until: stop, beat: pulse.beat)
            },
        ]
    }
}

/// One topic of the API: it adds its routes. `GatewayRouter` lists all topics.
protocol RouteTopic: Sendable {
    /// Adds the routes.
    func add(to routes: Routes)
}
