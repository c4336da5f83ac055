internal import CZeroMQ

/// A peer's public CURVE key: 32 bytes, written as the 40 characters of Z85 (RFC 32) that every ZeroMQ library uses.
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
    /// The 40 characters.
    public let z85: String

    /// Reads a key; nil where the text is none.
    public init?(_ z85: some StringProtocol) {
        guard z85Bytes(z85) != nil else { return nil }
        self.z85 = String(z85)
    }

    /// The key of these 32 bytes, as they stand in an authentication request.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        var text = [CChar](repeating: 0, count: 41)
        guard zmq_z85_encode(&text, bytes, bytes.count) != nil else { return nil }
        z85 = string(text)
    }

    public var description: String { z85 }
}

/// A secret CURVE key. It has no description, so that it cannot end up in a log.
public struct SecretKey: Sendable, CustomStringConvertible {
    /// The 40 characters: for the certificate file and for libzmq alone.
    package let z85: String

    /// Reads a key; nil where the text is none.
    package init?(_ z85: some StringProtocol) {
        guard z85Bytes(z85) != nil else { return nil }
        self.z85 = String(z85)
    }

    public var description: String { "(secret)" }
}

/// A public key with its secret one.
public struct KeyPair: Sendable {
    /// What others may know.
    public let publicKey: PublicKey
    /// What only its owner may know.
    public let secretKey: SecretKey

    /// The pair that belongs to a secret key.
    package init(secretKey: SecretKey) throws(ZeroMQError) {
        var text = [CChar](repeating: 0, count: 41)
        _ = try check("compute the public key") { zmq_curve_public(&text, secretKey.z85) }
        guard let publicKey = PublicKey(string(text)) else {
            throw ZeroMQError(code: .invalidArgument, operation: "compute the public key")
        }
        self.publicKey = publicKey
        self.secretKey = secretKey
    }

    /// A fresh pair from the system's source of randomness.
    ///
    /// - Throws: `ZeroMQError` where this libzmq was built without CURVE.
    public static func generate() throws(ZeroMQError) -> KeyPair {
        var publicText = [CChar](repeating: 0, count: 41)
        var secretText = [CChar](repeating: 0, count: 41)
        _ = try check("generate a key pair") { zmq_curve_keypair(&publicText, &secretText) }
        guard let secretKey = SecretKey(string(secretText)) else {
            throw ZeroMQError(code: .invalidArgument, operation: "generate a key pair")
        }
        return try KeyPair(secretKey: secretKey)
    }
}

/// The 32 bytes of a key in Z85, or nil.
private func z85Bytes(_ text: some StringProtocol) -> [UInt8]? {
    guard text.utf8.count == 40 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 32)
    return zmq_z85_decode(&bytes, String(text)) != nil ? bytes : nil
}

private func string(_ text: [CChar]) -> String {
    String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
