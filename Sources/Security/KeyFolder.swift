internal import Foundation
public import ZeroMQ

/// A folder of certificates: what one program is, and whom it knows.
///
///     keys/
///       ingest.cert_secret     one's own, on this machine alone
///       feeders/cam1.cert      who may feed, with the metadata `streams = cam1`
///       subscribers/*.cert     who may read results, replay and previews
///       ingest/ infer/ sink/   the stages: whom they accept from each other, and whom everybody connects to
///
/// The folders hold public certificates and can be the same on every machine.
public struct KeyFolder: Sendable {
    /// Where it is.
    public let path: String

    /// A folder; nothing is read yet.
    public init(path: String) {
        self.path = path
    }

    /// What the certificates of the peers say.
    public struct Contents: Sendable {
        /// Who may connect, and whom one connects to.
        public var peers = KeyRing.Peers()
        /// What feeders may feed.
        public var streams: [PublicKey: FeedPermissions.Streams] = [:]
    }

    /// The ending of public and of secret certificates.
    public static let publicEnding = "cert"
    public static let secretEnding = "cert_secret"

    /// Reads the certificates of all peers.
    ///
    /// - Throws: `CertificateError`: one file that cannot be used makes the folder unusable, because it may be the one
    ///   that somebody relies on.
    public func read() throws(CertificateError) -> Contents {
        var contents = Contents()
        for group in PeerGroup.all {
            let certificates = try certificates(of: group)
            contents.peers.allowed[group] = Set(certificates.map(\.certificate.publicKey))
            for (_, certificate) in certificates {
                let endpoints = certificate.metadata["endpoint"]?.split(whereSeparator: { ", ".contains($0) }) ?? []
                for endpoint in endpoints { contents.peers.serversAt[String(endpoint)] = certificate.publicKey }
                // Elsewhere the first by name is expected.
                contents.peers.servers[group] = contents.peers.servers[group] ?? certificate.publicKey
            }
            guard group == .feeders else { continue }
            for (file, certificate) in certificates {
                guard let list = certificate.metadata["streams"], let streams = FeedPermissions.Streams(list) else {
                    throw CertificateError(
                        """
                        \(file): it does not say which streams this key may feed. Add below the line metadata: \
                        streams = "NAME,NAME", or "*" for all
                        """)
                }
                contents.streams[certificate.publicKey] = streams
            }
        }
        return contents
    }

    /// The public certificates of a group, by name.
    private func certificates(
        of group: PeerGroup
    ) throws(CertificateError) -> [(file: String, certificate: Certificate)] {
        let folder = "\(path)/\(group)"
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else { return [] }
        guard isFolder.boolValue, let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw CertificateError("\(folder): it is no folder that can be read")
        }
        var certificates: [(file: String, certificate: Certificate)] = []
        for name in names.sorted() where !name.hasPrefix(".") && !name.hasSuffix("~") {
            let file = "\(folder)/\(name)"
            let certificate = try Certificate(file: file)
            guard certificate.keyPair == nil else {
                throw CertificateError("\(file): it holds a secret key; only public certificates belong here")
            }
            certificates.append((file, certificate))
        }
        return certificates
    }

    /// One's own secret certificate: `NAME.cert_secret`, or the only one there.
    public func ownCertificate(named name: String) throws(CertificateError) -> String {
        let own = "\(path)/\(name).\(Self.secretEnding)"
        if FileManager.default.fileExists(atPath: own) { return own }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw CertificateError("\(path): it is no folder that can be read")
        }
        let secrets = names.filter { $0.hasSuffix(".\(Self.secretEnding)") }
        guard secrets.count == 1, let only = secrets.first else {
            throw CertificateError(
                """
                \(path): there is no \(name).\(Self.secretEnding)\(secrets.isEmpty ? "" : ", but several others"). \
                Choose one with --key, or make it: posebus keys new \(name) --dir '\(path)'
                """)
        }
        return "\(path)/\(only)"
    }
}
