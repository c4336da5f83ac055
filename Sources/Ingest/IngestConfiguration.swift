package import Delivery
package import JPEG
package import Messages
package import Security
package import Settings
package import ZeroMQ

/// Everything that can be chosen about ingest, as its loop uses it.
package struct IngestConfiguration: Sendable {
    package typealias Resolver = @Sendable (_ host: String, _ port: Int) throws(InferSourceError) -> [String]

    /// Where PUSH feeders send.
    package var pushEndpoint = Port.framesPush.loopback
    /// Where REQ and DEALER feeders send.
    package var requestEndpoint = Port.framesRequest.loopback
    /// Where the JPEGs of accepted frames can be subscribed to.
    package var previewEndpoint = Port.preview.loopback
    /// imagezmq PUB cameras to subscribe to.
    package var cameras: [String] = []
    /// Where infers are found (`InferSource`).
    package var infers = [Port.infer.loopback]
    /// Where the sinks publish their acknowledgements.
    package var acknowledgements = [Port.acknowledgements.loopback]

    package var payload = PayloadKind.jpeg
    /// Applies where the header does not say: nil is lossless for PUSH, REQ and DEALER, live for PUB cameras.
    package var defaultDelivery: Delivery?
    /// A lossless stream's window.
    package var lossless = WindowLimits(frames: 256, bytes: 64 << 20, inFlight: 128)
    /// A live stream's window: what it may hold is what a frame may have to wait for.
    package var live = WindowLimits(frames: 32, bytes: 64 << 20, inFlight: 16)
    /// When silence downstream has lasted too long.
    package var retry = RetryTimer.Policy()

    /// Whom ingest lets in, and what they may feed.
    package var security = StageSecurity.thisMachine
    /// Subscribe to cameras that know no keys although ingest has some.
    package var subscribesWithoutKeys = false

    /// The folder in which accepted frames are kept until their outcomes are stored; nil: only in memory.
    package var spool: String?
    /// The most bytes in it.
    package var spoolBytes = 4 << 30
    /// Whether a stop ends every session although the spool could keep it.
    package var endsSessions = false

    /// What an image may cost.
    package var image = JPEGLimits()
    /// The most streams at once.
    package var maxStreams = 64
    /// Frames of one feeder that may wait for a full window, or for a decoder.
    package var maxOutstanding = 64
    /// Bytes of all frames that wait so.
    package var maxHeldBytes = 256 << 20
    /// A session without a frame for so long is ended; nil: never.
    package var idleEnd: Duration? = .seconds(300)
    /// How long a stop waits for what is unacknowledged.
    package var drain: Duration = .seconds(10)
    /// A stream leaves an infer that was out of reach for so long, where there is another one, and goes to one that joined
    /// or is back once that was in reach for so long.
    package var moveAfter: Duration = .seconds(10)
    /// How often a name is resolved, and a file read, for the infers in it.
    package var inferLookupInterval: Duration = .seconds(5)
    package var inferFileInterval: Duration = .seconds(1)
    /// Asks for the endpoints that a name and a port stand for.
    package var resolver: Resolver = lookUp
    /// After this time without an acknowledgement of what an infer has, the log says so.
    package var stallWarning: Duration = .milliseconds(2500)
    /// Threads that decode.
    package var decodeThreads = 2
    /// What every socket's options begin with.
    package var sockets = SocketOptions()
    /// How often the counters are logged, where they changed.
    package var reportInterval: Duration = .seconds(10)

    /// The defaults: every stage on this machine.
    package init() {}

    /// Whether a stop leaves sessions open, for the next ingest to go on with.
    package var keepsSessions: Bool { spool != nil && !endsSessions }

    /// The largest part libzmq accepts. Well above the largest image, so that a larger one is refused with an answer
    /// and a record instead of a cut connection.
    package var maxMessageSize: Int64 { max(64 << 20, 2 * Int64(image.bytes)) }

    /// A session's window.
    package func limits(for delivery: Delivery) -> WindowLimits {
        switch delivery {
        case .lossless: lossless
        case .live: live
        }
    }
}

/// The limits of a window whose payloads are images.
package typealias WindowLimits = SendWindow<FramePayload>.Limits
