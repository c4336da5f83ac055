internal import Synchronization
public import ZeroMQ

/// Whom a program lets in and as whom it connects: what its options and its folder of keys say.
public struct StageSecurity: Sendable {
    /// For the program's context.
    public let access: Access
    /// What feeders may feed; nil without keys, where everybody may feed everything.
    public let permissions: FeedPermissions?

    /// No keys, and nobody from outside this machine.
    public static let thisMachine = StageSecurity(access: .thisMachine, permissions: nil)
    /// No keys, and whoever comes.
    public static let anybody = StageSecurity(access: .anybody, permissions: nil)

    private init(access: Access, permissions: FeedPermissions?) {
        self.access = access
        self.permissions = permissions
    }

    /// Reads a folder of keys. While the program runs the peers' certificates are read again when somebody wants to
    /// connect, so that a camera can be added, or taken out, without a restart.
    ///
    /// - Parameters:
    ///   - folder: the certificates of the peers.
    ///   - own: the file of one's own secret certificate.
    ///   - log: told of everybody who is not let in, at most once in ten seconds, and of certificates that cannot be
    ///     used any more.
    /// - Throws: `CertificateError`.
    public init(
        folder: KeyFolder, own: String, log: @escaping @Sendable (String) -> Void
    ) throws(CertificateError) {
        guard let keyPair = try Certificate(file: own).keyPair else {
            throw CertificateError("\(own): it holds no secret key; a stage needs its \(KeyFolder.secretEnding) file")
        }
        let contents = try folder.read()
        let permissions = FeedPermissions(contents.streams)
        let problem = Mutex("")
        let news = RefusalLog(folder: folder, log: log)
        self.permissions = permissions
        access = .keys(
            KeyRing(
                own: keyPair, peers: contents.peers,
                refresh: {
                    do throws(CertificateError) {
                        let fresh = try folder.read()
                        permissions.replace(with: fresh.streams)
                        problem.withLock { $0 = "" }
                        return fresh.peers
                    } catch {
                        let isNew = problem.withLock { known in
                            defer { known = error.description }
                            return known != error.description
                        }
                        if isNew { log("\(error). The certificates known before stay in use") }
                        return nil
                    }
                },
                onRefusal: { news.note($0) }))
    }
}

/// Says who was not let in, without letting strangers fill the log.
private final class RefusalLog: Sendable {
    private let folder: KeyFolder
    private let log: @Sendable (String) -> Void
    private let state = Mutex((count: 0, next: ContinuousClock.now))

    init(folder: KeyFolder, log: @escaping @Sendable (String) -> Void) {
        self.folder = folder
        self.log = log
    }

    func note(_ refusal: KeyRing.Refusal) {
        let suppressed: Int? = state.withLock { state in
            state.count += 1
            guard .now >= state.next else { return nil }
            defer { state = (0, .now + .seconds(10)) }
            return state.count - 1
        }
        guard let suppressed else { return }
        let place = refusal.address.isEmpty ? "this machine" : refusal.address
        let key = refusal.key.map { "its key \($0) is not among \(folder.path)/\(refusal.group)" } ?? "it showed no key"
        let more = suppressed > 0 ? " (\(suppressed) others since the last such message)" : ""
        log("refused a peer from \(place): \(key). If it belongs there, copy its .cert file into that folder\(more)")
    }
}
