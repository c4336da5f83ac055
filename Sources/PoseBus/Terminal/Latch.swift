internal import Synchronization

/// A door that is opened once and stays open: tasks wait for it, any thread opens it.
final class Latch: Sendable {
    private enum State {
        case closed([CheckedContinuation<Void, Never>])
        case open
    }

    private let state = Mutex<State>(.closed([]))

    /// Whether it is open.
    var isOpen: Bool {
        state.withLock { state in
            if case .open = state { true } else { false }
        }
    }

    /// Lets everybody through, now and later; safe to repeat.
    func open() {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard case .closed(let waiting) = state else { return [] }
            state = .open
            return waiting
        }
        waiting.forEach { $0.resume() }
    }

    /// Waits until it is open.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                switch state {
                case .open: return true
                case .closed(let waiting):
                    state = .closed(waiting + [continuation])
                    return false
                }
            }
            if isOpen { continuation.resume() }
        }
    }
}
