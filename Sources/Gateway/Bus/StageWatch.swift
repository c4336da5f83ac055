internal import Messages
internal import Security
internal import ZeroMQ

/// Whether one stage is there, as a connection to it with heartbeats tells. Nothing is ever sent over it. Lives on the thread
/// that made it.
final class StageWatch {
    /// What is known of a stage.
    struct Finding: Sendable, Equatable {
        var isUp = false
        var since = Timestamp.now
        var detail: String
    }

    let stage: PipelineStage
    private let connector: Connector
    private let endpoint: String
    private var hasBeenUp = false
    /// When it last said that it does not know this gateway's key.
    private var refusedAt: ContinuousClock.Instant?
    private(set) var finding: Finding

    /// Begins to watch.
    ///
    /// - Parameters:
    ///   - endpoint: the sink's results, ingest's ROUTER or infer's PULL.
    init(_ stage: PipelineStage, at endpoint: String, in context: Context) throws(ZeroMQError) {
        self.stage = stage
        self.endpoint = endpoint
        var options = SocketOptions()
        // Nothing is asked for, so nothing comes: only such a socket sends heartbeats.
        options.receiveHighWaterMark = 0
        options.sendHighWaterMark = 1
        options.maxMessageSize = 4096
        options.server = stage.group
        options.reconnectInterval = .milliseconds(100) ... .milliseconds(500)
        connector = try Connector(stage.socket, to: endpoint, in: context, options: options)
        finding = Finding(detail: stage.absent(endpoint))
    }

    func watch(with poller: Poller) { poller.setInterest(connector.watch(with: poller), receiving: false) }

    /// Takes note of what happened.
    ///
    /// - Returns: whether the finding is another one.
    func look(at now: ContinuousClock.Instant) throws(ZeroMQError) -> Bool {
        for change in try connector.changes(at: now) {
            switch change {
            case .up: (hasBeenUp, refusedAt) = (true, nil)
            case .lost: refusedAt = nil
            case .keyRefused: refusedAt = now
            }
        }
        if let refused = refusedAt, now - refused > .seconds(3) { refusedAt = nil }
        let isRefused = refusedAt != nil
        // Whoever refuses a key is there. Infer is only watched, so that is all there is to know of it.
        let isUp = connector.isUp || (isRefused && stage == .infer)
        let detail =
            if isRefused { stage.refused(endpoint) } else if isUp { "It answers at \(endpoint)." } else if hasBeenUp {
                stage.lost(endpoint)
            } else { stage.absent(endpoint) }
        guard isUp != finding.isUp || detail != finding.detail else { return false }
        finding = Finding(isUp: isUp, since: isUp == finding.isUp ? finding.since : .now, detail: detail)
        return true
    }
}

/// The stages of a pipeline.
enum PipelineStage: String, CaseIterable, Sendable {
    case ingest, infer, sink

    fileprivate var socket: SocketKind {
        switch self {
        case .ingest: .dealer
        case .infer: .push
        case .sink: .subscribe
        }
    }

    fileprivate var group: PeerGroup {
        switch self {
        case .ingest: .ingest
        case .infer: .infer
        case .sink: .sink
        }
    }

    private var meaning: String {
        switch self {
        case .ingest: "No frame is taken in"
        case .infer: "Frames are taken in and wait; no poses are made"
        case .sink: "Nothing is stored or shown; frames wait in ingest"
        }
    }

    private var option: String { self == .sink ? "--results" : "--\(rawValue)" }

    fileprivate func absent(_ endpoint: String) -> String {
        """
        Nothing answers at \(endpoint). Start posebus-\(rawValue) there, or tell the gateway with \(option) where it is. \
        \(meaning).
        """
    }

    fileprivate func lost(_ endpoint: String) -> String {
        """
        It answered at \(endpoint) and does so no more: posebus-\(rawValue) was stopped, hangs, or cannot be reached. \
        See whether it runs there and what it logged. \(meaning).
        """
    }

    fileprivate func refused(_ endpoint: String) -> String {
        switch self {
        case .infer:
            """
            It is there, at \(endpoint), and does not let this gateway in, which only looks whether it is. Copy the \
            gateway's .cert into ingest/ on infer's machine, and on no other, to look without being refused.
            """
        case .ingest:
            """
            It is there, at \(endpoint), and does not let this gateway feed. Copy the gateway's .cert into feeders/ on \
            ingest's machine.
            """
        case .sink:
            """
            It is there, at \(endpoint), and does not let this gateway read. Copy the gateway's .cert into subscribers/ on \
            the sink's machine.
            """
        }
    }
}
