public import Foundation
internal import Glibc
public import ZeroMQ

/// A CURVE certificate as CZMQ keeps it (zcert): a text file in ZPL (RFC 4) with the keys in Z85 and free metadata.
///
/// `name.cert` holds the public key and may be handed on; `name.cert_secret` holds both and stays where it is.
public struct Certificate: Sendable {
    /// The public key.
    public let publicKey: PublicKey
    /// Both keys, where the file has the secret one.
    public let keyPair: KeyPair?
    /// What else the file says, such as `streams`.
    public var metadata: [String: String]

    /// A certificate of fresh or known keys.
    public init(_ keyPair: KeyPair, metadata: [String: String] = [:]) {
        publicKey = keyPair.publicKey
        self.keyPair = keyPair
        self.metadata = metadata
    }

    /// The largest file that is read, in bytes.
    static let maxLength = 64 << 10

    /// Reads a certificate's text.
    ///
    /// - Throws: `CertificateError`, whose message does not hold the text: it may be a secret.
    public init(text: String) throws(CertificateError) {
        let properties = try ZPL.properties(of: text)
        var metadata: [String: String] = [:]
        for (path, value) in properties where path.count == 2 && path[0] == "metadata" { metadata[path[1]] = value }
        func key(_ name: String) -> String? { properties.first { $0.path == ["curve", name] }?.value }

        guard let publicText = key("public-key") else { throw CertificateError("it has no curve/public-key") }
        guard let publicKey = PublicKey(publicText) else {
            throw CertificateError("its public-key is not 40 characters of Z85")
        }
        var keyPair: KeyPair?
        if let secretText = key("secret-key") {
            guard let secretKey = SecretKey(secretText), let pair = try? KeyPair(secretKey: secretKey) else {
                throw CertificateError("its secret-key is not 40 characters of Z85")
            }
            guard pair.publicKey == publicKey else {
                throw CertificateError("its public-key does not belong to its secret-key")
            }
            keyPair = pair
        }
        self.publicKey = publicKey
        self.keyPair = keyPair
        self.metadata = metadata
    }

    /// Reads a certificate from a file.
    ///
    /// - Throws: `CertificateError`, which names the file. A file with a secret key that others may read is refused (`isPrivate`).
    public init(file: String) throws(CertificateError) {
        do throws(CertificateError) {
            try self.init(text: Self.contents(of: file))
            if keyPair != nil { try Self.checkPrivate(file) }
        } catch {
            throw CertificateError("\(file): \(error.description)")
        }
    }

    private static func contents(of file: String) throws(CertificateError) -> String {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw CertificateError(
                FileManager.default.fileExists(atPath: file) ? "it cannot be read" : "there is no such file")
        }
        defer { try? handle.close() }
        guard let data = try? handle.read(upToCount: maxLength + 1) else { throw CertificateError("it cannot be read") }
        guard data.count <= maxLength, let text = String(validating: data, as: UTF8.self) else {
            throw CertificateError("it is no certificate")
        }
        return text
    }

    private static func checkPrivate(_ file: String) throws(CertificateError) {
        var status = stat()
        guard stat(file, &status) == 0 else { throw CertificateError("it cannot be read") }
        let mode = status.st_mode & 0o777
        guard isPrivate(mode: mode, owner: status.st_uid, reader: geteuid()) else {
            let isRoots = status.st_uid == 0 && geteuid() != 0
            throw CertificateError(
                """
                it holds a secret key and other users may read or change it (mode \(String(mode, radix: 8))). \
                Run: chmod \(isRoots ? "640" : "600") '\(file)'
                """)
        }
    }

    /// Whether a file of this mode keeps its secret to its reader.
    ///
    /// PostgreSQL's rule: no bits for others, and none for the group either, except that it may read what belongs to root.
    /// A secret that root lays down for a service (Kubernetes with `fsGroup`, `root:posebus 0640`) looks like that: the
    /// service may read it and cannot change it.
    package static func isPrivate(mode: mode_t, owner: uid_t, reader: uid_t) -> Bool {
        mode & (owner == 0 && reader != 0 ? 0o037 : 0o077) == 0
    }

    // MARK: - Writing

    /// The text of the public certificate.
    public var publicText: String {
        text(
            banner: """
                #   ZeroMQ CURVE public certificate (CZMQ zcert). May be handed on: whoever has it can recognise its
                #   owner, and connect to it where it is a server.
                """, secret: false)
    }

    /// The text of the secret certificate; nil where there is no secret key.
    var secretText: String? {
        guard keyPair != nil else { return nil }
        return text(
            banner: """
                #   ZeroMQ CURVE **secret** certificate (CZMQ zcert). Do not hand it on: whoever has it is taken for its
                #   owner.
                """, secret: true)
    }

    private func text(banner: String, secret: Bool) -> String {
        var lines = [banner, "", "metadata"]
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) { lines.append("    \(name) = \"\(value)\"") }
        lines += ["curve", "    public-key = \"\(publicKey.z85)\""]
        if secret, let keyPair { lines.append("    secret-key = \"\(keyPair.secretKey.z85)\"") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Writes a new pair of files, the secret one readable by its owner alone.
    ///
    /// - Throws: `CertificateError` where one of them is there already: a key that is in use must not be lost.
    public func write(public publicFile: String, secret secretFile: String) throws(CertificateError) {
        guard let secretText else { throw CertificateError("\(secretFile): there is no secret key to write") }
        for (name, value) in metadata {
            guard name.allSatisfy(ZPL.isNameCharacter), !name.isEmpty, !value.contains(where: { "\"\n\r".contains($0) })
            else { throw CertificateError("metadata \(name): quotes and line breaks have no place in a certificate") }
        }
        try Self.create(secretFile, secretText, mode: 0o600)
        do throws(CertificateError) {
            try Self.create(publicFile, publicText, mode: 0o644)
        } catch {
            unlink(secretFile)
            throw error
        }
    }

    private static func create(_ file: String, _ text: String, mode: mode_t) throws(CertificateError) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            let reason =
                errno == EEXIST
                ? "it is there already, and overwriting it would lock out whoever uses its key. Choose another name"
                : String(cString: strerror(errno))
            throw CertificateError("\(file): \(reason)")
        }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(file)
            throw CertificateError("\(file): \(reason)")
        }
    }
}

/// What is wrong with a certificate or a folder of them, and what to do.
public struct CertificateError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
    public let description: String

    /// An error with its sentence.
    public init(_ description: String) {
        self.description = description
    }

    public var errorDescription: String? { description }
}
