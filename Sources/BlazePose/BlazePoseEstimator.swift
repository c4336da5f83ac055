/// Persons and their poses in frames of video and in still pictures.
///
/// Not Sendable: create it on the thread that uses it. Several streams share one estimator, so that one run of a
/// network serves them all; what is remembered of each is in its `PoseTracker`.
public final class BlazePoseEstimator {
    private let pipeline: PosePipeline

    /// One frame of one stream.
    public struct Frame {
        /// The stream's memory.
        public var tracker: PoseTracker
        /// The picture.
        public var image: RGBImage
        /// When it was taken, in seconds from any moment; nil stands for a thirtieth of a second after the last.
        public var timestamp: Double?

        /// A frame of the stream that `tracker` belongs to.
        public init(tracker: PoseTracker, image: RGBImage, timestamp: Double? = nil) {
            self.tracker = tracker
            self.image = image
            self.timestamp = timestamp
        }
    }

    /// An estimator on the CPU.
    ///
    /// - Throws: when a weight file is not a graph that can be run.
    public init(models: BlazePoseModels, options: BlazePoseOptions = BlazePoseOptions()) throws {
        pipeline = PosePipeline(inference: try BlazePoseNetworks(models: models, options: options), options: options)
    }

    /// The persons in each frame, in the order of `frames`; at most one frame of each stream.
    ///
    /// - Throws: when a network fails to run. The trackers stay usable.
    public func process(_ frames: [Frame]) throws -> [[BlazePosePerson]] {
        try pipeline.process(frames.map { ($0.tracker, $0.image, $0.timestamp) })
    }

    /// Everybody in one picture, best first, numbered from 1.
    public func detect(still image: RGBImage) throws -> [BlazePosePerson] {
        try pipeline.detect(still: image)
    }

    /// Exactly one person for each box, in the order of `boxes`; where nobody is recognised, the best guess with its
    /// low score.
    public func detect(still image: RGBImage, boxes: [BoundingBox]) throws -> [BlazePosePerson] {
        try pipeline.detect(still: image, boxes: boxes)
    }
}
