package import Engines
package import JPEG
package import Security
package import Settings
package import Weights

/// What an infer stage is told at start.
package struct InferConfiguration: Sendable {
    package var bind: String
    package var sink: String
    package var engine: EngineKind
    /// Where its files lie and how it computes.
    package var engineOptions: EngineOptions
    package var maxBatch: Int
    package var maxWait: Duration
    package var decodeThreads: Int
    /// Most frames between the socket and the engine's answer.
    package var maxInHand: Int
    package var imageLimits: JPEGLimits
    package var forwardsFrames: Bool
    /// Whom infer lets in, and as whom it connects.
    package var security = StageSecurity.thisMachine
    /// How long the engine may take for a batch until it counts as stuck; for its first one ten times as long.
    package var enginePatience = Duration.seconds(60)
    /// For tests.
    package var fault: InjectedFault?

    package init(
        bind: String, sink: String, engine: EngineKind, engineOptions: EngineOptions, maxBatch: Int = 16,
        maxWait: Duration = .milliseconds(3), decodeThreads: Int = 1, maxInHand: Int = 256,
        imageLimits: JPEGLimits = JPEGLimits(), forwardsFrames: Bool = false
    ) {
        self.bind = bind
        self.sink = sink
        self.engine = engine
        self.engineOptions = engineOptions
        self.maxBatch = maxBatch
        self.maxWait = maxWait
        self.decodeThreads = decodeThreads
        self.maxInHand = maxInHand
        self.imageLimits = imageLimits
        self.forwardsFrames = forwardsFrames
    }
}
