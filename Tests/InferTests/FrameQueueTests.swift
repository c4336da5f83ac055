import Foundation
import Infer
import Messages
import Synchronization
import Testing
import ZeroMQ

@Suite(.timeLimit(.minutes(5)))
struct FrameQueueTests {
    @Test func `one stream comes out in order, one frame a batch`() throws {
        let queue = FrameQueue(decodedAhead: 2)
        let session = SessionID()
        for number in 0..<5 { queue.put(try job(session, number), needsPixels: false) }
        queue.close()
        #expect(drain(queue) == (0..<5).map { [$0] })
    }

    @Test func `a batch holds one frame of each stream`() throws {
        let queue = FrameQueue(decodedAhead: 2)
        let sessions = (0..<3).map { _ in SessionID() }
        for number in 0..<4 {
            for session in sessions { queue.put(try job(session, number), needsPixels: false) }
        }
        queue.close()
        #expect(drain(queue) == (0..<4).map { [$0, $0, $0] })
    }

    @Test func `a batch is never larger than allowed, and no stream waits for ever`() throws {
        let queue = FrameQueue(decodedAhead: 2)
        let sessions = (0..<5).map { _ in SessionID() }
        for number in 0..<10 {
            for session in sessions { queue.put(try job(session, number), needsPixels: false) }
        }
        queue.close()
        let batches = drain(queue, maxBatch: 2)
        #expect(batches.allSatisfy { $0.count <= 2 })
        #expect(batches.joined().count == 50)
        // With turns, no stream is more than one frame ahead of another.
        for batch in batches { #expect((batch.max() ?? 0) - (batch.min() ?? 0) <= 1) }
    }

    @Test func `decoding in any order keeps each stream in order`() async throws {
        let queue = FrameQueue(decodedAhead: 2)
        let sessions = (0..<3).map { _ in SessionID() }
        for number in 0..<40 {
            for session in sessions { queue.put(try job(session, number), needsPixels: true) }
        }
        let seen = Seen()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in 0..<3 { group.addTask { try await decode(queue, pause: UInt32(200 * (seed + 1))) } }
            group.addTask { try await collect(queue, into: seen) }
            queue.close()
            try await group.waitForAll()
        }
        for session in sessions { #expect(seen.numbers.withLock { $0[session] } == Array(0..<40)) }
    }

    @Test func `few frames of a stream are decoded ahead of the engine`() throws {
        let queue = FrameQueue(decodedAhead: 2)
        let sessions = (0..<2).map { _ in SessionID() }
        for number in 0..<5 {
            for session in sessions { queue.put(try job(session, number), needsPixels: true) }
        }
        queue.close()
        var ahead = try (0..<4).map { _ in try #require(queue.nextToDecode()) }
        #expect(ahead.map { Int($0.header.sequence.value) } == [0, 0, 1, 1], "and no fifth")
        var taken: [Int] = []
        while taken.count < 10 {
            queue.decoded(ahead.removeFirst())
            guard case .batch(let jobs)? = queue.nextWork(maxBatch: 1, maxWait: .zero) else { break }
            taken += jobs.map { Int($0.header.sequence.value) }
            // What was taken makes room for the next one of its stream.
            if taken.count <= 6 { ahead.append(try #require(queue.nextToDecode())) }
        }
        #expect(taken == (0..<5).flatMap { [$0, $0] })
        #expect(queue.nextToDecode() == nil && queue.nextWork(maxBatch: 1, maxWait: .zero) == nil)
    }

    private final class Seen: Sendable {
        let numbers = Mutex<[SessionID: [Int]]>([:])
    }

    private func decode(_ queue: FrameQueue, pause: UInt32) async throws {
        try await runOnThread(named: "decode") {
            while let job = queue.nextToDecode() {
                usleep(UInt32.random(in: 0..<pause))
                queue.decoded(job)
            }
        }
    }

    private func collect(_ queue: FrameQueue, into seen: Seen) async throws {
        try await runOnThread(named: "engine") {
            while case .batch(let jobs)? = queue.nextWork(maxBatch: 2, maxWait: .milliseconds(1)) {
                seen.numbers.withLock { seen in
                    for job in jobs { seen[job.header.session, default: []].append(Int(job.header.sequence.value)) }
                }
            }
        }
    }

    @Test func `a session is forgotten only after its last frame`() throws {
        let queue = FrameQueue(decodedAhead: 2)
        let session = SessionID()
        for number in 0..<2 { queue.put(try job(session, number), needsPixels: false) }
        queue.end(session)
        queue.close()
        var order: [String] = []
        while let work = queue.nextWork(maxBatch: 4, maxWait: .zero) {
            switch work {
            case .batch(let jobs): order += jobs.map { "\($0.header.sequence)" }
            case .forget(let ended): order.append(ended == session ? "forget" : "another")
            }
        }
        #expect(order == ["0", "1", "forget"])
    }

    @Test func `closing an empty queue ends every waiting thread`() async throws {
        let queue = FrameQueue(decodedAhead: 2)
        async let decoder: Void = runOnThread(named: "decode") {
            #expect(queue.nextToDecode() == nil)
        }
        async let engine: Void = runOnThread(named: "engine") {
            #expect(queue.nextWork(maxBatch: 1, maxWait: .zero) == nil)
        }
        queue.close()
        _ = try await (decoder, engine)
    }

    private func drain(_ queue: FrameQueue, maxBatch: Int = 16) -> [[Int]] {
        var batches: [[Int]] = []
        while case .batch(let jobs)? = queue.nextWork(maxBatch: maxBatch, maxWait: .milliseconds(1)) {
            batches.append(jobs.map { Int($0.header.sequence.value) })
        }
        return batches
    }

    private func job(_ session: SessionID, _ number: Int) throws -> FrameJob {
        FrameJob(
            header: FrameHeader(
                stream: try StreamName("test"), session: session, sequence: SequenceNumber(UInt64(number)),
                captureTime: .now, acceptedTime: .now),
            payload: nil)
    }
}
