internal import NIOCore

/// What waits for one reader: bounded in number and bytes. Where it is full the oldest outcome makes room, and the reader is
/// told how many it missed.
struct ReaderQueue {
    /// The most that waits.
    struct Limits: Sendable {
        var outcomes = 256
        var bytes = 16 << 20
    }

    /// What the reader gets next.
    enum Next {
        case item(LiveItem)
        /// So many outcomes of this stream are not coming.
        case skipped(stream: String, count: Int)
    }

    private let limits: Limits
    private var items = CircularBuffer<LiveItem>()
    private var outcomes = 0
    private var bytes = 0
    private var skipped: [(stream: String, count: Int)] = []

    init(limits: Limits) {
        self.limits = limits
    }

    mutating func append(_ item: LiveItem) {
        switch item {
        case .outcome(let outcome):
            outcomes += 1
            bytes += Self.size(of: outcome)
        case .status:
            items.removeAll { if case .status = $0 { true } else { false } }
        case .session: break
        }
        items.append(item)
        while outcomes > limits.outcomes || (bytes > limits.bytes && outcomes > 1) { skipOldest() }
    }

    mutating func next() -> Next? {
        if let first = skipped.first {
            skipped.removeFirst()
            return .skipped(stream: first.stream, count: first.count)
        }
        guard let item = items.popFirst() else { return nil }
        if case .outcome(let outcome) = item { forget(outcome) }
        return .item(item)
    }

    private mutating func skipOldest() {
        guard let index = items.firstIndex(where: { if case .outcome = $0 { true } else { false } }),
            case .outcome(let outcome) = items.remove(at: index)
        else { return }
        forget(outcome)
        if let known = skipped.firstIndex(where: { $0.stream == outcome.stream }) {
            skipped[known].count += 1
        } else {
            skipped.append((outcome.stream, 1))
        }
    }

    private mutating func forget(_ outcome: LiveOutcome) {
        outcomes -= 1
        bytes -= Self.size(of: outcome)
    }

    private static func size(of outcome: LiveOutcome) -> Int {
        outcome.json.readableBytes + outcome.jpeg.readableBytes + (outcome.meshes?.readableBytes ?? 0)
    }
}
