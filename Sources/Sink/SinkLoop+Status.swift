internal import Delivery
internal import Foundation
internal import Messages
internal import Metering
internal import Status
internal import ZeroMQ

extension SinkLoop {
    /// Says what work is in hand: before a commit, which may take long, and after it.
    func noteWork() {
        status.work.note(inHand: batch.count, finished: internalCounters.stored)
    }

    /// Tells how things stand now. What is counted as it happens is not told here.
    func tellStatus() {
        let counters = counters
        metrics.duplicates.follow(counters.duplicates)
        metrics.failedCommits.follow(counters.failedCommits)
        metrics.published.follow(counters.published)
        metrics.replays.follow(replay.requests)
        metrics.waiting.set(sessions.sessions.values.reduce(0) { $0 + $1.order.heldCount })
        metrics.openSessions.set(sessions.sessions.values.count { !$0.committed.ended })
        metrics.subscribers.set(results.socket.peerCount)
        metrics.keep(streams: Set(sessions.sessions.values.map(\.stream.description)))
        let disk = StoreFootprint(of: configuration.store)
        metrics.storeBytes.set(disk.bytes)
        metrics.freeBytes.set(disk.free)
        status.explain(trouble.map { ["the store cannot be written: \($0.reason)"] } ?? [])
    }
}

/// What a store takes of its disk. It is looked at on the sink's own thread: a disk that does not answer must not keep the
/// status from being served.
private struct StoreFootprint {
    let bytes, free: Double

    init(of store: String) {
        var size = 0.0
        for path in [store, store + "-wal"] {
            var entry = stat()
            if stat(path, &entry) == 0 { size += Double(entry.st_size) }
        }
        bytes = size
        var disk = statvfs()
        free = statvfs(store, &disk) == 0 ? Double(disk.f_bavail) * Double(disk.f_frsize) : 0
    }
}
