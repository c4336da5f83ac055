public import ArgumentParser
public import Messages
package import Stage

/// What can be chosen about ingest.
package struct IngestOptions: ParsableArguments {
    @Option(help: "Endpoint for PUSH feeders.")
    package var bindPush = Port.framesPush.loopback

    @Option(help: "Endpoint for REQ and DEALER feeders; each frame is answered.")
    package var bindRequest = Port.framesRequest.loopback

    @Option(help: "Endpoint where the JPEGs of accepted frames are published, while somebody subscribes.")
    package var bindPreview = Port.preview.loopback

    @Option(help: "Endpoint of an imagezmq PUB camera to subscribe to. May be repeated.")
    package var subscribe: [String] = []

    @Option(
        help: """
            Infer, or where to find infers: its endpoint, dns+tcp://NAME:PORT (each address of the name is one) or file:PATH \
            (one endpoint a line). Names and files are asked again while ingest runs. May be repeated: streams are spread \
            by their names.
            """)
    package var infer: [String] = [Port.infer.loopback]

    @Option(help: "Endpoint where the sink publishes acknowledgements. May be repeated.")
    package var acks: [String] = [Port.acknowledgements.loopback]

    @Option(help: "What infer receives: jpeg, or rgb, which decodes here.")
    package var payload = PayloadKind.jpeg

    @Option(help: "Most unacknowledged frames of a lossless stream.")
    package var windowFrames = 256

    @Option(help: "Most bytes of unacknowledged frames of a stream.")
    package var windowBytes = 64 << 20

    @Option(help: "Most unacknowledged frames of a live stream; when full, the oldest unsent one is shed.")
    package var liveWindowFrames = 32

    @Option(
        help: """
            live or lossless, for frames whose header does not say. Without it: lossless, and live for cameras that \
            are subscribed to.
            """)
    package var defaultDelivery: Delivery?

    @Option(
        help: """
            Folder on a local disk that keeps each accepted frame until its outcome is stored: a frame is confirmed to its \
            feeder only once it is there, and a restarted ingest goes on where it was. Without it frames are kept in memory.
            """,
        completion: .directory)
    package var spool: String?

    @Option(help: "Most bytes in the spool; when it is full, feeders wait and live streams shed.")
    package var spoolBytes = 4 << 30

    @Flag(
        help: """
            With --spool: a stop ends every session. Without this option the next start goes on with them, so that a \
            restart costs no stream its session.
            """)
    package var endSessions = false

    @Option(help: "Largest image in bytes; larger ones are recorded as drops.")
    package var maxImageBytes = 16 << 20

    @Option(help: "Largest image in pixels (width times height).")
    package var maxPixels = 40_000_000

    @Option(help: "Most streams at once.")
    package var maxStreams = 64

    @Option(help: "Frames one feeder may have waiting for room.")
    package var maxOutstanding = 64

    @Option(help: "End a session that had no frame for so long; 0: never.")
    package var idleEndSeconds = 300.0

    @Option(help: "How long a stop waits for acknowledgements.")
    package var drainSeconds = 10.0

    @Option(
        help: """
            Move streams away from an infer that was out of reach for so long, where there is another one, and to one that \
            joined or is back once it was in reach for so long.
            """)
    package var moveAfterSeconds = 10.0

    @Option(help: "Threads that decode, for --payload rgb and raw images.")
    package var decodeThreads = 2

    @Flag(help: "With --keys: --subscribe to cameras that know no keys. Trusts the network between them and ingest.")
    package var subscribeWithoutKeys = false

    @OptionGroup package var listening: ListeningOptions
    @OptionGroup package var liveness: LivenessOptions
    @OptionGroup(title: "Status") package var status: StatusOptions
    @OptionGroup package var configuration: ConfigurationOptions
    @OptionGroup package var logging: LoggingOptions

    package init() {}

    package func validate() throws {
        let positive = [
            ("--window-frames", windowFrames), ("--window-bytes", windowBytes),
            ("--live-window-frames", liveWindowFrames), ("--max-image-bytes", maxImageBytes),
            ("--max-pixels", maxPixels), ("--max-streams", maxStreams), ("--max-outstanding", maxOutstanding),
            ("--decode-threads", decodeThreads),
        ]
        for (name, value) in positive where value < 1 {
            throw ValidationError("\(name) is \(value); it must be at least 1.")
        }
        for source in infer {
            do {
                _ = try InferSource(source)
            } catch {
                throw ValidationError("--infer: \(error).")
            }
        }
        // Two segments must hold the largest frame.
        guard spool == nil || spoolBytes >= 3 * maxImageBytes else {
            throw ValidationError(
                "--spool-bytes is \(spoolBytes); it must be at least 3 times --max-image-bytes, \(3 * maxImageBytes).")
        }
        for (name, seconds) in [
            ("--idle-end-seconds", idleEndSeconds), ("--drain-seconds", drainSeconds),
            ("--move-after-seconds", moveAfterSeconds),
        ] where !(0...1e7).contains(seconds) {
            throw ValidationError("\(name) is \(seconds); it must be from 0 to 10000000.")
        }
    }
}

/// What infer receives.
package enum PayloadKind: String, Sendable, CaseIterable, ExpressibleByArgument {
    /// The JPEG as the camera sent it.
    case jpeg
    /// Upright RGB pixels: decoding happens in ingest.
    case rgb
}

extension Delivery: ExpressibleByArgument {}
