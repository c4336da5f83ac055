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
    /// What it shows; set by the decoding thread.
    var picture: FramePicture?
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
/// Of each session only a few frames are decoded ahead of the engine: pixels are large, and at which size it will look at a
/// frame is known the better the closer the frame is. It does not bound itself otherwise: whoever puts frames in counts
/// those that are in hand.
package final class FrameQueue: @unchecked Sendable {
    // Unchecked: all state is touched only while `condition` is locked.
    /// Signalled for the engine's thread, after the lock is given back: it would find it taken.
    private let condition = NSCondition()
    /// Counts what is to be decoded: a frame wakes one decoder, and none where the engine looks at no pixels.
    private let decodable = DispatchSemaphore(value: 0)
    private var sessions: [SessionID: SessionFrames] = [:]
    /// Sessions that hold frames, the one that was served longest ago first.
    private var turn: [SessionID] = []
    /// Frames whose turn it is to be decoded.
    private var undecoded: [FrameJob] = []
    private var forgotten: [SessionID] = []
    private var isClosed = false

    private struct SessionFrames {
        var jobs: [FrameJob] = []
        /// How many of them, from the first on, have had their turn to be decoded.
        var begun = 0
        var endsAfterLast = false
    }

    /// How long after its last frame a stream still counts as one whose next frame is worth waiting for.
    private static let activeFor = Duration.seconds(1)
    private var lastArrivals: [SessionID: ContinuousClock.Instant] = [:]

    private let decodedAhead: Int

    /// - Parameter decodedAhead: frames of a session that may be decoded or being decoded while the engine has not taken them.
    package init(decodedAhead: Int) {
        precondition(decodedAhead > 0, "a queue in which nothing may be decoded")
        self.decodedAhead = decodedAhead
    }

    /// Adds the next frame of its session.
    ///
    /// - Parameter needsPixels: false where the engine looks at no pixels: the frame is ready at once.
    package func put(_ job: FrameJob, needsPixels: Bool) {
        let isDecodable = condition.withLock {
            let session = job.header.session
            lastArrivals[session] = .now
            if sessions[session] == nil {
                sessions[session] = SessionFrames()
                turn.append(session)
            }
            sessions[session]?.jobs.append(job)
            job.isReady = !needsPixels
            return beginDecoding(of: session)
        }
        if isDecodable { decodable.signal() } else if !needsPixels { condition.signal() }
    }

    /// Gives a session's next frame its turn to be decoded; false where it has none, or enough decoded.
    private func beginDecoding(of session: SessionID) -> Bool {
        guard let frames = sessions[session], frames.begun < min(decodedAhead, frames.jobs.count),
            !frames.jobs[frames.begun].isReady
        else { return false }
        undecoded.append(frames.jobs[frames.begun])
        sessions[session]?.begun += 1
        return true
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
        while true {
            decodable.wait()
            let (job, isOver) = condition.withLock {
                undecoded.isEmpty ? (nil, isClosed && isAllBegun) : (undecoded.removeFirst(), false)
            }
            if let job { return job }
            if isOver {
                // The next decoder is to see it too.
                decodable.signal()
                return nil
            }
        }
    }

    /// Whether no frame waits for its turn to be decoded.
    private var isAllBegun: Bool {
        sessions.values.allSatisfy { $0.begun == $0.jobs.count || $0.jobs[$0.begun].isReady }
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
            frames.begun = max(0, frames.begun - 1)
            turn.removeAll { $0 == session }
            if frames.jobs.isEmpty {
                sessions[session] = nil
                if frames.endsAfterLast { forgotten.append(session) }
            } else {
                sessions[session] = frames
                turn.append(session)
                if beginDecoding(of: session) { decodable.signal() }
            }
        }
        // Decoders that were woken by the end and found more to come.
        if isClosed, isAllBegun { decodable.signal() }
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
