internal import Delivery
internal import JPEG
internal import Settings

extension IngestOptions {
    /// The same as the loop uses it.
    func configuration() throws -> IngestConfiguration {
        var configuration = IngestConfiguration()
        configuration.pushEndpoint = bindPush
        configuration.requestEndpoint = bindRequest
        configuration.previewEndpoint = bindPreview
        configuration.cameras = subscribe
        configuration.infers = infer
        configuration.acknowledgements = acks
        configuration.payload = payload
        configuration.defaultDelivery = defaultDelivery
        configuration.lossless = WindowLimits(
            frames: windowFrames, bytes: windowBytes, inFlight: max(1, windowFrames / 2))
        configuration.live = WindowLimits(
            frames: liveWindowFrames, bytes: windowBytes, inFlight: max(1, liveWindowFrames / 2))
        configuration.spool = spool
        configuration.spoolBytes = spoolBytes
        configuration.endsSessions = endSessions
        configuration.image.bytes = maxImageBytes
        configuration.image.pixels = maxPixels
        configuration.maxStreams = maxStreams
        configuration.maxOutstanding = maxOutstanding
        configuration.idleEnd = idleEndSeconds > 0 ? .seconds(idleEndSeconds) : nil
        configuration.drain = .seconds(drainSeconds)
        configuration.moveAfter = .seconds(moveAfterSeconds)
        configuration.decodeThreads = decodeThreads
        configuration.subscribesWithoutKeys = subscribeWithoutKeys
        return configuration
    }
}
