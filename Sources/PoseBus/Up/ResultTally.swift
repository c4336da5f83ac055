internal import Client
internal import Messages
internal import Synchronization
internal import ZeroMQ

/// Counts results as they are published, for the progress line. What is true in the end is in the store.
final class ResultTally: Sendable {
    /// What has been published.
    struct Count: Sendable {
        var poses = 0
        var withPersons = 0
        var drops = 0
        /// Of the latest pose, from acceptance to commit, in milliseconds.
        var lastLatency: Float = 0
    }

    private let counts = Mutex(Count())

    /// What has been published so far.
    var total: Count { counts.withLock { $0 } }

    /// Counts until the task is cancelled.
    func count(from endpoint: String, access: Access) async throws {
        let stop = Atomic<Bool>(false)
        try await withTaskCancellationHandler {
            try await runOnThread(named: "tally") { [self] in
                let subscriber = try Subscriber(to: endpoint, in: Context(access: access))
                while !stop.load(ordering: .relaxed) {
                    if case .outcome(let outcome)? = try subscriber.next(timeout: .milliseconds(50)) { note(outcome) }
                }
            }
        } onCancel: {
            stop.store(true, ordering: .relaxed)
        }
    }

    private func note(_ outcome: Outcome) {
        counts.withLock { count in
            guard outcome.drop == nil else {
                count.drops += 1
                return
            }
            count.poses += 1
            if outcome.observedPersons > 0 { count.withPersons += 1 }
            count.lastLatency = outcome.timing.total
        }
    }
}
