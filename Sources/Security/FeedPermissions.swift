internal import Synchronization
public import ZeroMQ

/// Which streams each feeder's key may feed.
public final class FeedPermissions: Sendable {
    /// Names of streams; one that ends in `*` stands for all that begin so. Stream names themselves hold no `*`.
    public struct Streams: Sendable, Equatable {
        private let names: [String]

        /// Reads a list separated by commas; nil where it names no stream.
        public init?(_ list: String) {
            names = list.split(separator: ",").map { name in
                let start = name.drop { $0 == " " }
                return String(start.prefix(start.count - start.reversed().prefix { $0 == " " }.count))
            }.filter { !$0.isEmpty }
            guard !names.isEmpty, names.allSatisfy({ !$0.dropLast().contains("*") }) else { return nil }
        }

        /// Whether a stream is among them.
        public func contains(_ stream: String) -> Bool {
            names.contains { $0.last == "*" ? stream.hasPrefix($0.dropLast()) : $0 == stream }
        }
    }

    private let streams: Mutex<[PublicKey: Streams]>

    /// Permissions by key.
    public init(_ streams: [PublicKey: Streams] = [:]) {
        self.streams = Mutex(streams)
    }

    /// Whether whoever has this key may feed this stream.
    public func allows(_ key: PublicKey?, toFeed stream: String) -> Bool {
        guard let key else { return false }
        return streams.withLock { $0[key]?.contains(stream) ?? false }
    }

    func replace(with fresh: [PublicKey: Streams]) {
        streams.withLock { $0 = fresh }
    }
}
