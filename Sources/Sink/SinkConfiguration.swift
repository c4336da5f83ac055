package import Security
package import ZeroMQ

/// What a sink is told at its start.
package struct SinkConfiguration: Sendable {
    /// Endpoints to bind; `tcp://127.0.0.1:*` takes a free port.
    package var bindOutcomes: String
    package var bindResults: String
    package var bindAcknowledgements: String
    package var bindReplay: String
    /// Whom the sink lets in.
    package var security = StageSecurity.thisMachine
    /// The SQLite file.
    package var store: String
    /// How many bytes of pictures the store may hold; nil keeps none.
    package var frameBytes: Int64?
    /// The most outcomes one commit carries, and the most held while the store cannot be written.
    package var maxBatch = 256
    /// How long after the beginning of a commit the next one begins while outcomes come densely (`CommitPace`).
    package var commitSpacing = Duration.milliseconds(2)
    /// The most outcomes of one session that wait for earlier ones.
    package var maxHeld = 4096
    /// How long a commit that failed waits before the next try: doubled each time, up to the upper bound.
    package var retryInterval: ClosedRange<Duration> = .milliseconds(100) ... .seconds(2)
    /// How long a peer of replay may take nothing before it is given up.
    package var replayPatience = Duration.seconds(5)
    /// How long nothing may have come from infer before a stopping sink takes it that nothing more will. Sessions that
    /// have all ended are not waited for.
    package var drainQuiet = Duration.milliseconds(50)
    /// How long a stopping sink goes on to read what has been sent to it.
    package var drainLimit = Duration.seconds(2)

    /// How long nothing may come of a session whose stream has begun another one until subscribers are told that it is
    /// over.
    package var closeAfter = Duration.seconds(30)
    /// What every socket's options begin with.
    package var sockets = SocketOptions()

    package init(
        bindOutcomes: String, bindResults: String, bindAcknowledgements: String, bindReplay: String, store: String
    ) {
        self.bindOutcomes = bindOutcomes
        self.bindResults = bindResults
        self.bindAcknowledgements = bindAcknowledgements
        self.bindReplay = bindReplay
        self.store = store
    }
}
