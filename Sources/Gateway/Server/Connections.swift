internal import NIOConcurrencyHelpers
internal import NIOCore

/// All connections, so that those which do nothing cannot keep others out.
final class Connections: Sendable {
    private struct Entry {
        let channel: any Channel
        /// Since when it waits for a request; nil while one is under way, and for WebSockets.
        var idleSince: NIODeadline?
    }

    private let limit: Int
    private let entries = NIOLockedValueBox<[ObjectIdentifier: Entry]>([:])

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes a connection in. Where there are too many, the one that has been idle for longest goes.
    ///
    /// - Returns: false where all others are busy.
    func admit(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let (isAdmitted, gone) = entries.withLockedValue { entries -> (Bool, (any Channel)?) in
            var gone: (any Channel)?
            if entries.count >= limit {
                let idle = entries.filter { $0.value.idleSince != nil }
                guard let oldest = idle.min(by: { ($0.value.idleSince ?? .now()) < ($1.value.idleSince ?? .now()) })
                else { return (false, nil) }
                gone = entries.removeValue(forKey: oldest.key)?.channel
            }
            entries[id] = Entry(channel: channel, idleSince: .now())
            return (true, gone)
        }
        gone?.close(promise: nil)
        if isAdmitted {
            channel.closeFuture.whenComplete { [entries] _ in entries.withLockedValue { $0[id] = nil } }
        }
        return isAdmitted
    }

    /// A request has begun, or has been answered.
    func note(_ channel: any Channel, isIdle: Bool) {
        entries.withLockedValue { $0[ObjectIdentifier(channel)]?.idleSince = isIdle ? .now() : nil }
    }

    /// Ends all.
    func closeAll() {
        for channel in entries.withLockedValue({ $0.values.map(\.channel) }) { channel.close(promise: nil) }
    }
}
