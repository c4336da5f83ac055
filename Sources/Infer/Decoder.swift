internal import JPEG
internal import Messages
internal import Metering
internal import Stage
internal import ZeroMQ

/// Turns payloads into upright pixels, on threads of its own. A payload that cannot be decoded becomes a drop.
///
/// A JPEG is decoded at the size at which the engine will probably look at it. Whatever size it wants, it gets: another than was
/// expected is decoded on the engine's own thread.
struct Decoder: Sendable {
    private let pool: ImageBufferPool
    private let limits: JPEGLimits
    private let time: Histogram
    private let scales: ExpectedScales

    /// - Parameters:
    ///   - time: where the seconds are counted that a frame takes.
    ///   - scales: at which size each session's next frame is expected to be looked at.
    init(limits: JPEGLimits, threads: Int, time: Histogram, scales: ExpectedScales) {
        self.limits = limits
        self.time = time
        self.scales = scales
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
                let picture = try picture(jpeg: payload)
                try picture.prepare(scales.scale(of: picture, in: job.header.session))
                job.picture = picture
            case .rgb8:
                let image = try payload.withUnsafeBytes { bytes throws(JPEGError) in
                    try DecodedImage(
                        rgb: bytes, width: job.header.width, height: job.header.height, limits: limits, pool: pool)
                }
                job.picture = FramePicture(image)
            case .none:
                job.failure = Drop(stage: .infer, reason: .corruptJPEG, detail: "the frame's header announces no image")
            }
        } catch {
            job.failure = Drop(stage: .infer, reason: error.reason.dropReason, detail: error.detail)
        }
    }

    private func picture(jpeg payload: Message) throws(JPEGError) -> FramePicture {
        let header = try payload.withUnsafeBytes { bytes throws(JPEGError) in
            try JPEGHeader.check(bytes, limits: limits)
        }
        return FramePicture(header: header) { [limits, pool] scale throws(JPEGError) in
            try payload.withUnsafeBytes { bytes throws(JPEGError) in
                try DecodedImage(jpeg: bytes, header: header, scale: scale, limits: limits, pool: pool)
            }
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
