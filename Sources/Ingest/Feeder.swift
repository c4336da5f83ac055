internal import Messages
internal import ZeroMQ

/// Whoever sends frames: everybody behind the PULL socket together, one subscribed camera, or one REQ or DEALER peer.
///
/// Owned by ingest's thread.
final class Feeder {
    enum Kind {
        case push
        case camera(Int)
        /// The peer's routing id, and whether it sends (and expects) REQ's empty delimiter.
        case peer(id: Message, delimiter: Message?)
    }

    let kind: Kind
    /// Frames of it that wait for room or for a decoder.
    var outstanding = 0

    init(_ kind: Kind) {
        self.kind = kind
    }

    /// How frames of this feeder treat a full window where neither the header nor an option says.
    var usualDelivery: Delivery {
        if case .camera = kind { .live } else { .lossless }
    }
}

/// A frame between its arrival and its admission.
///
/// Owned by ingest's thread.
final class Arrival {
    let feeder: Feeder
    let header: FeederHeader
    let time: Timestamp
    /// What it occupies while it waits.
    let bytes: Int
    /// Nil while a worker decodes.
    var verdict: Verdict?

    init(feeder: Feeder, header: FeederHeader, time: Timestamp, bytes: Int, verdict: Verdict?) {
        self.feeder = feeder
        self.header = header
        self.time = time
        self.bytes = bytes
        self.verdict = verdict
    }
}
