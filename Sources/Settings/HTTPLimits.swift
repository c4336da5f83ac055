/// What requests and connections may cost.
package struct HTTPLimits: Sendable {
    /// Connections at once. Beyond it the one that has waited longest to send its first request is cut off, and where
    /// all have, the new one is refused.
    package var connections = 1024
    /// Bytes of a request's header.
    package var headerBytes = 32 << 10
    /// Bytes of one picture, of JSON, and of anything else that is taken into memory.
    package var bodyBytes = 64 << 20
    /// Bytes of an uploaded video.
    package var videoBytes = 16 << 30
    /// How long a request's header may take.
    package var headerTime = Duration.seconds(10)
    /// How long nothing may come of a body, or nothing at all over a connection between two requests.
    package var idleTime = Duration.seconds(60)
    /// How long a body may take: this, and a second more for each of so many bytes.
    package var bodyTime = Duration.seconds(30)
    package var bodyBytesPerSecond = 64 << 10
    /// How long a reader may take nothing of an answer.
    package var stallTime = Duration.seconds(30)
    /// How long what is under way may go on once the gateway is told to stop.
    package var stopTime = Duration.seconds(3)

    package init() {}
}
