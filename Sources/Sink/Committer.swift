internal import ArgumentParser
internal import Logging
internal import Stage
internal import Store

/// Commits what is in order. When the store cannot be written nothing is lost and nothing is acknowledged: the batch is
/// kept, nothing more is taken in, and writing is tried again with growing pauses.
final class Committer {
    private let store: StoreWriter
    private let logger: Logger
    private var batch: [PendingEntry] = []
    private var failures = 0
    private var retryAt = ContinuousClock.now

    init(_ store: StoreWriter, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// False while the store cannot be written.
    var canTakeMore: Bool { failures == 0 }

    /// Adds what the next commit stores.
    func add(_ entry: PendingEntry) {
        batch.append(entry)
    }

    /// Commits the batch.
    ///
    /// - Returns: what is now durable, or nil where there was nothing to do or it failed.
    /// - Throws: `StageFailure` when the store has lost what it confirmed, or an order was broken.
    func commit() throws(StageFailure) -> [PendingEntry]? {
        guard !batch.isEmpty, failures == 0 || .now >= retryAt else { return nil }
        do throws(StoreError) {
            // After a failed write only what is read back is known to be there.
            if failures > 0 { try store.reopen() }
            try store.append(batch.map(\.entry))
        } catch {
            if error.kind == .lostCommits || error.kind == .gap {
                throw StageFailure(error.description, exitCode: .ioError)
            }
            noteFailure(error)
            return nil
        }
        if failures > 0 { logger.notice("the store can be written again; acknowledging goes on") }
        failures = 0
        defer { batch = [] }
        return batch
    }

    private func noteFailure(_ error: StoreError) {
        failures += 1
        let pause = Duration.milliseconds(min(5000, 100 << min(failures, 6)))
        retryAt = .now + pause
        if failures == 1 {
            logger.error(
                "the store cannot be written: nothing is acknowledged until it can, ingest keeps the frames",
                metadata: ["error": "\(error)", "outcomes_waiting": "\(batch.count)"])
        }
    }
}
