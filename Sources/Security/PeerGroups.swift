public import ZeroMQ

extension PeerGroup {
    /// Who may feed frames to ingest, each its own streams.
    public static let feeders = PeerGroup(rawValue: "feeders")
    /// Who may read results, replay and previews.
    public static let subscribers = PeerGroup(rawValue: "subscribers")
    /// The ingests: they send frames to infer and read the sink's acknowledgements; feeders connect to them.
    public static let ingest = PeerGroup(rawValue: "ingest")
    /// The infers: they send outcomes to the sink; ingest connects to them.
    public static let infer = PeerGroup(rawValue: "infer")
    /// The sink: everybody connects to it.
    public static let sink = PeerGroup(rawValue: "sink")

    /// All groups. Each is a folder of certificates.
    public static let all: [PeerGroup] = [.feeders, .subscribers, .ingest, .infer, .sink]
}
