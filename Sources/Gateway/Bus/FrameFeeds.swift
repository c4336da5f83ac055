internal import Client
internal import HTTPTypes
internal import Messages
internal import NIOConcurrencyHelpers
internal import Stage
internal import ZeroMQ

/// Feeds what is posted to ingest, on a thread of its own: a feeder for each stream, as long as frames of it come.
final class FrameFeeds: Sendable {
    /// One posted picture.
    struct Picture: Sendable {
        let stream: StreamName
        let jpeg: Message
        let captureTime: Timestamp
        let delivery: Delivery?
        let isStill: Bool
        /// Where it belongs in the trace of whoever posted it.
        let trace: TraceContext?
        /// The stream ends after it.
        let isLast: Bool
    }

    private struct Post: Sendable {
        let picture: Picture
        let answer: @Sendable (Result<CameraFrame, any Error>) -> Void
    }

    private let endpoint: String
    private let context: Context
    private let posts = Mailbox<Post>()
    private let waiting = NIOLockedValueBox(0)

    /// The most pictures that wait; each may have tens of megabytes.
    private static let maxWaiting = 64
    /// The most streams at once.
    private static let maxStreams = 256
    /// How long ingest may take to answer for one, and how long a feeder without frames is kept.
    private static let patience = Duration.seconds(10)
    private static let lifetime = Duration.seconds(60)

    init(to endpoint: String, in context: Context) {
        self.endpoint = endpoint
        self.context = context
    }

    /// Feeds one picture and waits for ingest's answer.
    ///
    /// - Returns: the number by which the feeder knows it, which its outcome carries as `camera_frame`.
    /// - Throws: `APIError`, with ingest's reason where it refused.
    func feed(_ picture: Picture) async throws -> CameraFrame {
        let hasRoom = waiting.withLockedValue { waiting in
            guard waiting < Self.maxWaiting else { return false }
            waiting += 1
            return true
        }
        guard hasRoom else {
            throw APIError(
                .serviceUnavailable, "\(Self.maxWaiting) pictures wait for ingest already. Post it again later.")
        }
        defer { waiting.withLockedValue { $0 -= 1 } }
        return try await withCheckedThrowingContinuation { continuation in
            posts.post(Post(picture: picture) { continuation.resume(with: $0) })
        }
    }

    // MARK: - The thread

    /// A feeder and what it was asked to feed. Owned by the thread.
    private final class Feed {
        let feeder: Feeder
        var queue: [Post] = []
        var current: (post: Post, frame: CameraFrame, refusals: Int, until: ContinuousClock.Instant)?
        var usedAt = ContinuousClock.now

        init(_ feeder: Feeder) {
            self.feeder = feeder
        }
    }

    private struct Key: Hashable {
        let stream: StreamName
        let delivery: Delivery?
    }

    /// Feeds until told to stop.
    func run(until stop: StopSignal) throws {
        var feeds: [Key: Feed] = [:]
        let poller = Poller()
        _ = poller.watch(fileDescriptor: posts.fileDescriptor)
        _ = poller.watch(fileDescriptor: stop.fileDescriptor)
        while !stop.isRequested {
            let isBusy = feeds.values.contains { $0.current != nil || !$0.queue.isEmpty }
            try poller.wait(timeout: isBusy ? .milliseconds(2) : .milliseconds(500))
            let now = ContinuousClock.now
            for post in posts.drain() { take(post, &feeds) }
            for (key, feed) in feeds {
                let isOfUse = try advance(feed, at: now)
                guard !isOfUse || now - feed.usedAt > Self.lifetime else { continue }
                for post in feed.queue { post.answer(.failure(Self.silent)) }
                feeds[key] = nil
            }
        }
        for feed in feeds.values {
            let error = APIError(.serviceUnavailable, "The gateway is stopping.")
            for post in feed.queue + [feed.current?.post].compactMap({ $0 }) { post.answer(.failure(error)) }
        }
    }

    private func take(_ post: Post, _ feeds: inout [Key: Feed]) {
        let key = Key(stream: post.picture.stream, delivery: post.picture.delivery)
        do {
            let feed = if let known = feeds[key] { known } else { try makeFeed(for: key, count: feeds.count) }
            feeds[key] = feed
            feed.queue.append(post)
        } catch {
            post.answer(.failure(error))
        }
    }

    private func makeFeed(for key: Key, count: Int) throws -> Feed {
        guard count < Self.maxStreams else {
            throw APIError(
                .serviceUnavailable,
                "\(Self.maxStreams) streams are fed already. Post again when one has been silent for a minute.")
        }
        do {
            return Feed(
                try Feeder(stream: key.stream, to: endpoint, in: context, delivery: key.delivery, maxOutstanding: 1))
        } catch {
            throw APIError(.serviceUnavailable, "Ingest cannot be reached: \(error).")
        }
    }

    /// Does what can be done at once.
    ///
    /// - Returns: false where the feeder is of no use any more.
    private func advance(_ feed: Feed, at now: ContinuousClock.Instant) throws -> Bool {
        do {
            if feed.current == nil, !feed.queue.isEmpty {
                let post = feed.queue.removeFirst()
                feed.usedAt = now
                let refusals = feed.feeder.refusedCount
                guard
                    let frame = try feed.feeder.send(
                        jpeg: post.picture.jpeg, captureTime: post.picture.captureTime, isStill: post.picture.isStill,
                        trace: post.picture.trace, whileWaiting: { false })
                else {
                    post.answer(.failure(Self.silent))
                    return false
                }
                feed.current = (post, frame, refusals, now + Self.patience)
            }
            try feed.feeder.idle(for: .zero)
            guard let current = feed.current else { return true }
            if feed.feeder.outstandingCount == 0 {
                feed.current = nil
                return try answer(
                    current.post, current.frame, feed, refused: feed.feeder.refusedCount > current.refusals)
            }
            guard now < current.until else {
                feed.current = nil
                current.post.answer(.failure(Self.silent))
                return false
            }
            return true
        } catch let error as ZeroMQError where error.code != .terminated {
            let words = APIError(.serviceUnavailable, "Ingest does not take frames from this gateway: \(error).")
            feed.current?.post.answer(.failure(words))
            for post in feed.queue { post.answer(.failure(words)) }
            feed.queue = []
            return false
        }
    }

    private func answer(_ post: Post, _ frame: CameraFrame, _ feed: Feed, refused: Bool) throws -> Bool {
        guard !refused else {
            let reason = feed.feeder.refusals.last?.reason ?? "no reason given"
            post.answer(.failure(APIError(.unprocessableContent, "Ingest did not take the picture: \(reason).")))
            return true
        }
        guard post.picture.isLast else {
            post.answer(.success(frame))
            return true
        }
        let until = ContinuousClock.now + .seconds(2)
        let hasEnded = try feed.feeder.end(whileWaiting: { .now < until })
        post.answer(hasEnded ? .success(frame) : .failure(Self.silent))
        return false
    }

    private static var silent: APIError {
        APIError(
            .serviceUnavailable,
            """
            Ingest has not answered. See whether posebus-ingest runs and --ingest is where it listens; a lossless stream \
            whose window is full also waits. The picture may arrive yet.
            """)
    }
}
