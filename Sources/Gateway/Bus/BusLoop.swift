internal import Client
internal import Foundation
internal import Logging
internal import Messages
internal import NIOCore
internal import Stage
internal import ZeroMQ

/// The thread between the bus and the readers: joins each outcome with the picture it was made from, keeps watch over the
/// stages, and says how the pipeline is.
final class BusLoop {
    private let hub: Hub
    private let state: PipelineState
    private let logger: Logger
    private let results: Mailbox<Subscriber.Event>
    private let demands = Mailbox<Hub.Demand>()
    private let poller = Poller()
    private let watches: [StageWatch]
    private let previews: [PreviewSource]
    private let meshes: MeshMaker
    private var cache = FrameCache()
    private var demand = Hub.Demand()
    private var streams = StreamTable()
    /// Outcomes whose picture may still be on its way, of each session in order.
    private var waiting: [SessionID: [(outcome: Outcome, until: ContinuousClock.Instant)]] = [:]
    private var nextStatus = ContinuousClock.now

    /// How long an outcome waits for its picture, which ingest published long before but over another connection.
    private static let patience = Duration.milliseconds(50)

    init(
        _ configuration: GatewayConfiguration, context: Context, hub: Hub, state: PipelineState, meshes: MeshMaker,
        results: Mailbox<Subscriber.Event>, logger: Logger
    ) throws {
        self.hub = hub
        self.state = state
        self.logger = logger
        self.results = results
        self.meshes = meshes
        var watches = [try StageWatch(.sink, at: configuration.results, in: context)]
        if !configuration.isForRecordingsOnly {
            watches.append(try StageWatch(.ingest, at: configuration.ingest, in: context))
            watches.append(try StageWatch(.infer, at: configuration.infer, in: context))
        }
        self.watches = watches
        var previews: [PreviewSource] = []
        for endpoint in configuration.isForRecordingsOnly ? [] : configuration.previews {
            previews.append(try PreviewSource(endpoint, in: context))
        }
        self.previews = previews
        for watch in watches {
            watch.watch(with: poller)
            state.set(watch.stage, watch.finding)
        }
        for preview in previews { preview.watch(with: poller) }
        _ = poller.watch(fileDescriptor: results.fileDescriptor)
        _ = poller.watch(fileDescriptor: demands.fileDescriptor)
        hub.observe { [demands] in demands.post($0) }
    }

    /// Works until told to stop.
    ///
    /// - Parameter beat: called at every turn.
    func run(until stop: StopSignal, beat: () -> Void) throws {
        _ = poller.watch(fileDescriptor: stop.fileDescriptor)
        while !stop.isRequested {
            let waits = waiting.values.contains { !$0.isEmpty }
            try poller.wait(timeout: waits ? .milliseconds(5) : .milliseconds(200))
            beat()
            try turn(at: .now)
        }
    }

    private func turn(at now: ContinuousClock.Instant) throws {
        if let latest = demands.drain().last { try serve(latest) }
        // Pictures first: they were published before their outcomes.
        for preview in previews {
            try preview.drain { header, jpeg in
                guard demand.wantsFrames(of: header.stream.description) else { return }
                cache.insert(jpeg, header.session, header.sequence, at: now)
            }
        }
        let events = results.drain()
        for (index, event) in events.enumerated() {
            switch event {
            case .outcome(let outcome):
                logger.debug("an outcome has come", metadata: .frame(outcome.frame))
                streams.note(outcome, at: now)
                // Whoever is far behind makes no meshes: they cost most.
                accept(outcome, at: now, isBehind: events.count - index > 100)
            case .session(let session):
                streams.note(session)
                flush(session.session, at: nil)
                hub.publish(.session(stream: session.stream, json: ByteBuffer(bytes: Self.json(session))))
            }
        }
        for id in waiting.keys { flush(id, at: now) }
        var hasNews = false
        for watch in watches where try watch.look(at: now) {
            hasNews = true
            state.set(watch.stage, watch.finding)
            logger.notice(
                "\(watch.stage.rawValue): \(watch.finding.detail)", metadata: ["peer": "\(watch.stage.rawValue)"])
        }
        if hasNews || now >= nextStatus { publishStatus(at: now) }
    }

    private func serve(_ demand: Hub.Demand) throws {
        // Who has just come is told at once how things are.
        if demand.readers > self.demand.readers { nextStatus = .now }
        self.demand = demand
        for preview in previews { try preview.want(demand.frames) }
    }

    private func publishStatus(at now: ContinuousClock.Instant) {
        nextStatus = now + .seconds(1)
        cache.prune(at: now)
        state.set(streams: streams.streams(at: now), engine: streams.engine)
        guard demand.readers > 0 else { return }
        hub.publish(.status(json: ByteBuffer(bytes: state.json(type: "status", viewers: demand.readers))))
    }

    // MARK: - Joining

    private func accept(_ outcome: Outcome, at now: ContinuousClock.Instant, isBehind: Bool) {
        guard demand.readers > 0 else { return }
        let frame = outcome.frame
        guard demand.wantsFrames(of: frame.stream.description), !isBehind else {
            flush(frame.session, at: nil)
            return publish(outcome, jpeg: cache.take(frame.session, frame.sequence, at: now), meshes: !isBehind)
        }
        waiting[frame.session, default: []].append((outcome, now + Self.patience))
        flush(frame.session, at: now)
    }

    /// Publishes what of a session waits no longer: whose picture is there, or does not come any more.
    ///
    /// - Parameter now: nil publishes all.
    private func flush(_ id: SessionID, at now: ContinuousClock.Instant?) {
        guard var queue = waiting[id] else { return }
        while let first = queue.first {
            let sequence = first.outcome.frame.sequence
            let isLate = now.map { $0 >= first.until } ?? true
            // A later picture that is there shows that this one was missed.
            guard isLate || cache.newest(of: id).map({ $0 >= sequence }) == true else { break }
            queue.removeFirst()
            publish(first.outcome, jpeg: cache.take(id, sequence, at: now ?? .now), meshes: true)
        }
        waiting[id] = queue.isEmpty ? nil : queue
    }

    private func flush(_ session: String, at now: ContinuousClock.Instant?) {
        if let id = SessionID(session) { flush(id, at: now) }
    }

    private func publish(_ outcome: Outcome, jpeg: Message?, meshes wanted: Bool) {
        let block = wanted && demand.meshes ? meshes.block(of: outcome) : nil
        let picture = jpeg?.withUnsafeBytes { ByteBuffer(bytes: $0) } ?? ByteBuffer()
        hub.publish(
            .outcome(
                LiveOutcome(outcome, json: ByteBuffer(bytes: outcome.jsonBytes()), jpeg: picture, meshes: block)))
    }

    private static func json(_ event: SessionEvent) -> [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.object { json in
            json.key("type")
            json.text("session")
            json.key("event")
            json.text(event.event.rawValue)
            json.key("stream")
            json.text(event.stream)
            json.key("session")
            json.text(event.session)
            json.key("frames")
            json.value(event.frames)
            json.key("poses")
            json.value(event.poses)
            json.key("drops")
            json.value(event.drops)
            json.key("complete")
            if let complete = event.complete { json.value(complete) } else { json.null() }
        }
        return json.bytes
    }
}
