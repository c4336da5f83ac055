internal import Glibc
internal import Synchronization

/// A group of peers that may do the same: whom a bound socket lets in, or whom a connecting one expects to find. It is
/// the ZAP domain (RFC 27) of the sockets that accept it.
public struct PeerGroup: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// Its name.
    public let rawValue: String

    /// A group by its name.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    public var description: String { rawValue }
}

/// Whom the sockets of a context accept from outside this process. The default is the strictest.
public enum Access: Sendable {
    /// No keys: endpoints that only this machine can reach.
    case thisMachine
    /// No keys, any endpoint: whoever reaches it is let in.
    case anybody
    /// Only peers whose public key is known, each group at its own endpoints.
    case keys(KeyRing)
}

/// One's own keys and those of the peers, shared by a context's threads.
public final class KeyRing: Sendable {
    /// The keys of the peers.
    public struct Peers: Sendable {
        /// Who may connect, by group.
        public var allowed: [PeerGroup: Set<PublicKey>]
        /// Whom one connects to, by group.
        public var servers: [PeerGroup: PublicKey]
        /// Whom one connects to at certain endpoints, where a group has several servers with keys of their own.
        public var serversAt: [String: PublicKey] = [:]

        /// Peers.
        public init(allowed: [PeerGroup: Set<PublicKey>] = [:], servers: [PeerGroup: PublicKey] = [:]) {
            self.allowed = allowed
            self.servers = servers
        }
    }

    /// Somebody who was not let in.
    public struct Refusal: Sendable, Equatable {
        /// The group whose endpoint was tried.
        public let group: PeerGroup
        /// Where from: an IP address, or empty for ipc.
        public let address: String
        /// The key that was shown; nil where there was none.
        public let key: PublicKey?
    }

    /// One's own keys.
    public let own: KeyPair
    private let peers: Mutex<Peers>
    private let refresh: (@Sendable () -> Peers?)?
    private let nextRefresh = Mutex(ContinuousClock.now)
    private let onRefusal: @Sendable (Refusal) -> Void
    private let onDeath: @Sendable () -> Void
    /// Keys that the self-test shows: their refusal is no news.
    private let expected = Mutex<Set<PublicKey>>([])
    private let refusals = Atomic<Int>(0)

    /// A key ring.
    ///
    /// - Parameters:
    ///   - refresh: reads the peers again; called before anybody is let in or connected to, at most once a second. Nil
    ///     keeps what is known.
    ///   - onRefusal: called by the authenticator's thread for everybody it does not let in.
    ///   - onDeath: called when the authenticator answers no more. By default the process ends: a stage that cannot
    ///     tell its peers from strangers must not go on.
    public init(
        own: KeyPair, peers: Peers, refresh: (@Sendable () -> Peers?)? = nil,
        onRefusal: @escaping @Sendable (Refusal) -> Void = { _ in },
        onDeath: @escaping @Sendable () -> Void = endProcess
    ) {
        self.own = own
        self.peers = Mutex(peers)
        self.refresh = refresh
        self.onRefusal = onRefusal
        self.onDeath = onDeath
    }

    /// How many were not let in so far.
    public var refusalCount: Int { refusals.load(ordering: .relaxed) }

    /// Whether a key may connect to the endpoints of a group.
    public func allows(_ key: PublicKey, in group: PeerGroup) -> Bool {
        peers.withLock { $0.allowed[group]?.contains(key) ?? false }
    }

    /// The key that whoever listens for a group must have.
    ///
    /// - Parameter names: where it listens: the endpoint, then other names of it.
    func server(of group: PeerGroup, at names: [String]) -> PublicKey? {
        let peers = peers.withLock { $0 }
        return names.lazy.compactMap { peers.serversAt[$0] }.first ?? peers.servers[group]
    }

    /// Reads the peers again, unless that was done within the last second.
    func refreshPeers() {
        guard let refresh else { return }
        let isDue = nextRefresh.withLock { next in
            guard .now >= next else { return false }
            next = .now + .seconds(1)
            return true
        }
        guard isDue, let fresh = refresh() else { return }
        peers.withLock { $0 = fresh }
    }

    func note(_ refusal: Refusal) {
        if let key = refusal.key, expected.withLock({ $0.contains(key) }) { return }
        refusals.add(1, ordering: .relaxed)
        onRefusal(refusal)
    }

    func expectRefusal(of key: PublicKey) {
        expected.withLock { _ = $0.insert(key) }
    }

    func authenticatorDied() {
        onDeath()
    }
}

/// Says why on standard error and ends the process with EX_SOFTWARE (70), without waiting for anybody.
public let endProcess: @Sendable () -> Void = {
    let reason = "the authenticator answers no more, so nobody can be told from a stranger: the process ends\n"
    _ = reason.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    _exit(70)
}
