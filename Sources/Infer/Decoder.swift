internal import JPEG
internal import Messages
internal import Metering
internal import Stage
internal import ZeroMQ

/// Turns payloads into upright pixels, on threads of its own. A payload that cannot be decoded becomes a drop.
struct Decoder: Sendable {
    private let pool: ImageBufferPool
    private let limits: JPEGLimits
    private let time: Histogram

    /// - Parameter time: where the seconds are counted that a frame takes.
    init(limits: JPEGLimits, threads: Int, time: Histogram) {
        self.limits = limits
        self.time = time
        // What is being decoded, what waits in a batch and what the engine holds.
        pool = ImageBufferPool(capacity: 4 * threads + 8)
    }

    /// Decodes frames until the queue is closed.
    func run(on queue: FrameQueue, pulse: Watchdog.Pulse?) {
        while let job = queue.nextToDecode() {
            pulse?.beginWork(patience: .seconds(30))
            time.measure { decode(job) }
            pulse?.rest()
            queue.decoded(job)
        }
    }

    private func decode(_ job: FrameJob) {
        guard let payload = job.payload else {
            job.failure = Drop(stage: .infer, reason: .corruptJPEG, detail: "the frame arrived without its image")
            return
        }
        do throws(JPEGError) {
            switch job.header.payload {
            case .jpeg:
                job.image = try payload.withUnsafeBytes { bytes throws(JPEGError) in
                    try DecodedImage(jpeg: bytes, limits: limits, pool: pool)
                }
            case .rgb8:
                job.image = try payload.withUnsafeBytes { bytes throws(JPEGError) in
                    try DecodedImage(
                        rgb: bytes, width: job.header.width, height: job.header.height, limits: limits, pool: pool)
                }
            case .none:
                job.failure = Drop(stage: .infer, reason: .corruptJPEG, detail: "the frame's header announces no image")
            }
        } catch {
            job.failure = Drop(stage: .infer, reason: error.reason.dropReason, detail: error.detail)
        }
    }
}

extension JPEGError.Reason {
    /// The word under which the drop is recorded.
    var dropReason: DropReason {
        switch self {
        case .corrupt: .corruptJPEG
        case .unsupported: .unsupported
        case .tooLarge: .tooLarge
        }
    }
}
