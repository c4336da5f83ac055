internal import Stage
internal import Synchronization

/// The first thing that went wrong: what follows from it is no news.
final class FailureNote: Sendable {
    private let first = Mutex<StageFailure?>(nil)

    /// What went wrong; nil where nothing has.
    var failure: StageFailure? { first.withLock { $0 } }

    /// Notes a failure, unless there is one.
    func note(_ failure: StageFailure) {
        first.withLock { $0 = $0 ?? failure }
    }
}
