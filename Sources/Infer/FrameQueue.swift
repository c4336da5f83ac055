internal import Dispatch
internal import Foundation
internal import JPEG
package import Messages
package import ZeroMQ

/// One frame between the socket and the engine.
package final class FrameJob: @unchecked Sendable {
    // Unchecked: a job has one owner at a time. The queue hands it to one decoding thread and, once `isReady` is set
    // under the queue's lock, to the engine's thread.
    package let header: FrameHeader
    package let payload: Message?
    /// What another infer knew of the session before this frame; empty where this one needs no telling.
    package let savedState: [UInt8]
    /// Whether what this infer remembers of the session is out of date: another one had it meanwhile.
    package let startsOver: Bool
    var image: DecodedImage?
    var failure: Drop?
    fileprivate var isReady = false
    private let arrived = ContinuousClock.now

    /// How long ago it arrived here.
    package var age: Duration { ContinuousClock.now - arrived }

    package init(header: FrameHeader, payload: Message?, savedState: [UInt8] = [], startsOver: Bool = false) {
        self.header = header
        self.payload = payload
        self.savedState = savedState
        self.startsOver = startsOver
    }
}

/// What the engine's thread does next.
package enum EngineWork {
    /// At most one frame of each session, each session's in order.
    case batch([FrameJob])
    /// A session is over: forget it.
    case forget(SessionID)
}

/// Frames on their way from the socket to the engine: decoded by any number of threads, taken by the engine in
/// batches across streams, each stream in the order in which it was put.
///
/// It does not bound itself: whoever puts frames in counts those that are in hand.
package final class FrameQueue: @unchecked Sendable {
    // Unchecked: all state is touched only while `condition` is locked.
    /// Signalled for the engine's thread, after the lock is given back: it would find it taken.
    private let condition = NSCondition()
    /// Counts what is to be decoded: a frame wakes one decoder, and none where the engine looks at no pixels.
    private let decodable = DispatchSemaphore(value: 0)
    private var sessions: [SessionID: SessionFrames] = [:]
    /// Sessions that hold frames, the one that was served longest ago first.
    private var turn: [SessionID] = []
    private var undecoded: [FrameJob] = []
    private var forgotten: [SessionID] = []
    private var isClosed = false

    private struct SessionFrames {
        var jobs: [FrameJob] = []
        var endsAfterLast = false
    }

    /// How long after its last frame a stream still counts as one whose next frame is worth waiting for.
    private static let activeFor = Duration.seconds(1)
    private var lastArrivals: [SessionID: ContinuousClock.Instant] = [:]

    package init() {}

    /// Adds the next frame of its session.
    ///
    /// - Parameter needsPixels: false where the engine looks at no pixels: the frame is ready at once.
    package func put(_ job: FrameJob, needsPixels: Bool) {
        condition.withLock {
            let session = job.header.session
            lastArrivals[session] = .now
            if sessions[session] == nil {
                sessions[session] = SessionFrames()
                turn.append(session)
            }
            sessions[session]?.jobs.append(job)
            if needsPixels {
                undecoded.append(job)
            } else {
                job.isReady = true
            }
        }
        if needsPixels { decodable.signal() } else { condition.signal() }
    }

    /// Says that a session has no more frames than those already put.
    package func end(_ session: SessionID) {
        condition.withLock {
            lastArrivals[session] = nil
            if sessions[session] == nil {
                forgotten.append(session)
            } else {
                sessions[session]?.endsAfterLast = true
            }
        }
        condition.signal()
    }

    /// Ends every thread that waits here, once what is in the queue has been taken.
    package func close() {
        condition.withLock { isClosed = true }
        condition.broadcast()
        decodable.signal()
    }

    /// Waits for a frame to decode. Nil: the queue is closed and everything is decoded.
    package func nextToDecode() -> FrameJob? {
        decodable.wait()
        let job = condition.withLock { undecoded.isEmpty ? nil : undecoded.removeFirst() }
        // Closed: the next decoder is to see it too.
        if job == nil { decodable.signal() }
        return job
    }

    /// Hands a frame on to the engine, decoded or with the reason why it could not be.
    package func decoded(_ job: FrameJob) {
        condition.withLock { job.isReady = true }
        condition.signal()
    }

    /// Waits for work for the engine.
    ///
    /// A batch is given out as soon as it is full, or every active stream has a frame in it, or `maxWait` has passed
    /// since its first frame was ready. With one active stream nothing ever waits.
    ///
    /// - Returns: nil when the queue is closed and empty.
    package func nextWork(maxBatch: Int, maxWait: Duration) -> EngineWork? {
        condition.withLock {
            var deadline: ContinuousClock.Instant?
            while true {
                if let session = forgotten.popLast() { return .forget(session) }
                let ready = turn.filter { sessions[$0]?.jobs.first?.isReady == true }
                if !ready.isEmpty {
                    if maxWait == .zero { return take(ready.prefix(maxBatch)) }
                    let wanted = min(maxBatch, max(1, activeSessions()))
                    let now = ContinuousClock.now
                    let limit = deadline ?? now + maxWait
                    deadline = limit
                    if ready.count >= wanted || now >= limit || isClosed { return take(ready.prefix(maxBatch)) }
                    _ = condition.wait(until: Date(timeIntervalSinceNow: (limit - now).seconds))
                } else {
                    if isClosed && sessions.isEmpty { return nil }
                    condition.wait()
                }
            }
        }
    }

    /// How many frames wait, and how long the oldest of them has waited.
    package var waiting: (count: Int, oldest: Duration) {
        condition.withLock {
            let count = sessions.values.reduce(0) { $0 + $1.jobs.count }
            return (count, sessions.values.compactMap(\.jobs.first?.age).max() ?? .zero)
        }
    }

    private func take(_ ready: ArraySlice<SessionID>) -> EngineWork {
        var batch: [FrameJob] = []
        for session in ready {
            guard var frames = sessions[session] else { continue }
            batch.append(frames.jobs.removeFirst())
            turn.removeAll { $0 == session }
            if frames.jobs.isEmpty {
                sessions[session] = nil
                if frames.endsAfterLast { forgotten.append(session) }
            } else {
                sessions[session] = frames
                turn.append(session)
            }
        }
        return .batch(batch)
    }

    private func activeSessions() -> Int {
        let oldest = ContinuousClock.now - Self.activeFor
        lastArrivals = lastArrivals.filter { $0.value >= oldest }
        return lastArrivals.count
    }
}

extension Duration {
    /// Seconds as a floating-point number.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
