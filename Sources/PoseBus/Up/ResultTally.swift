internal import Client
internal import Foundation
internal import Messages
internal import Synchronization
internal import ZeroMQ

/// Counts results as a subscriber sees them, by stream.
final class ResultTally: Sendable {
    /// What has been published of one stream.
    struct Count: Sendable {
        var poses = 0
        var withPersons = 0
        var drops = 0
        var reasons: [String: Int] = [:]
        var lastLatency: Float = 0
        var hasEnded = false
    }

    private let counts = Mutex<[String: Count]>([:])
    private let isSubscribed = Atomic<Bool>(false)

    /// What has been published of a stream.
    func count(_ stream: StreamName) -> Count {
        counts.withLock { $0[stream.description] ?? Count() }
    }

    /// What has been published of all streams.
    var total: Count {
        counts.withLock { counts in
            counts.values.reduce(into: Count()) { sum, count in
                sum.poses += count.poses
                sum.withPersons += count.withPersons
                sum.drops += count.drops
                sum.lastLatency = max(sum.lastLatency, count.lastLatency)
            }
        }
    }

    /// Whether the sessions of these streams have ended in the store.
    func hasEnded(_ streams: [StreamName]) -> Bool {
        counts.withLock { counts in streams.allSatisfy { counts[$0.description]?.hasEnded == true } }
    }

    /// Waits until the sink's publisher has accepted the connection.
    func waitUntilSubscribed() async throws {
        while !isSubscribed.load(ordering: .acquiring) {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Counts until `isOver`.
    func collect(from endpoint: String, until isOver: @escaping @Sendable () -> Bool) async throws {
        try await runOnThread(named: "tally") { [self] in
            // Nobody waits for a subscription that failed.
            defer { isSubscribed.store(true, ordering: .releasing) }
            let subscriber = try Subscriber(to: endpoint, in: Context())
            try subscriber.waitUntilConnected(timeout: .seconds(5))
            isSubscribed.store(true, ordering: .releasing)
            while !isOver() {
                guard let event = try subscriber.next(timeout: .milliseconds(20)) else { continue }
                note(event)
            }
            while let event = try subscriber.next(timeout: .zero) { note(event) }
        }
    }

    private func note(_ event: Subscriber.Event) {
        counts.withLock { counts in
            switch event {
            case .outcome(let outcome):
                var count = counts[outcome.frame.stream.description] ?? Count()
                if let drop = outcome.drop {
                    count.drops += 1
                    count.reasons[drop.reason.rawValue, default: 0] += 1
                } else {
                    count.poses += 1
                    if !outcome.persons.isEmpty { count.withPersons += 1 }
                    count.lastLatency = outcome.timing.total
                }
                counts[outcome.frame.stream.description] = count
            case .session(let event):
                if event.event == .end, event.complete != false {
                    counts[event.stream, default: Count()].hasEnded = true
                }
            }
        }
    }
}
