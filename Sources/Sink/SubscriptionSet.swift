/// What the subscribers of an XPUB socket have asked for: the prefixes of topics.
package struct SubscriptionSet {
    /// A change, as XPUB reports it.
    package enum Change: Equatable {
        case subscribed(String)
        case unsubscribed(String)
    }

    private var prefixes: Set<String> = []
    /// Prefixes beyond it are not told apart any more: everything counts as wanted.
    private let limit: Int
    private var isOverflowing = false

    package init(limit: Int = 10_000) {
        self.limit = limit
    }

    /// Takes a message from the XPUB socket: one byte, 1 or 0, and the prefix.
    ///
    /// - Returns: nil where the message is something else; publishers ignore that.
    package mutating func apply(_ bytes: [UInt8]) -> Change? {
        guard let first = bytes.first, first <= 1,
            let prefix = String(validating: bytes.dropFirst(), as: UTF8.self)
        else { return nil }
        guard first == 1 else {
            prefixes.remove(prefix)
            return .unsubscribed(prefix)
        }
        if prefixes.count < limit { prefixes.insert(prefix) } else { isOverflowing = true }
        return .subscribed(prefix)
    }

    /// Whether somebody subscribed to a prefix of this topic.
    package func wants(_ topic: String) -> Bool {
        isOverflowing || prefixes.contains { topic.utf8.starts(with: $0.utf8) }
    }
}
