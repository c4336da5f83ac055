import Foundation
import Security
import Testing
import ZeroMQ

@Suite struct CertificateTests {
    @Test func `what is written is read again`() throws {
        let folder = try TemporaryFolder()
        let pair = try KeyPair.generate()
        try Certificate(pair, metadata: ["streams": "cam1,cam2", "name": "front door"])
            .write(public: folder / "a.cert", secret: folder / "a.cert_secret")
        let known = try Certificate(file: folder / "a.cert")
        #expect(known.publicKey == pair.publicKey)
        #expect(known.keyPair == nil)
        #expect(known.metadata == ["streams": "cam1,cam2", "name": "front door"])
        let own = try Certificate(file: folder / "a.cert_secret")
        #expect(own.keyPair?.publicKey == pair.publicKey)
        #expect(try mode(folder / "a.cert_secret") == 0o600)
    }

    @Test func `a file that is there is not overwritten`() throws {
        let folder = try TemporaryFolder()
        let first = Certificate(try KeyPair.generate())
        try first.write(public: folder / "a.cert", secret: folder / "a.cert_secret")
        let second = Certificate(try KeyPair.generate())
        let error = #expect(throws: CertificateError.self) {
            try second.write(public: folder / "a.cert", secret: folder / "a.cert_secret")
        }
        #expect(error?.description.contains("a.cert_secret") == true)
        // Where only the public one is in the way no orphan is left.
        #expect(throws: CertificateError.self) {
            try second.write(public: folder / "a.cert", secret: folder / "b.cert_secret")
        }
        #expect(!FileManager.default.fileExists(atPath: folder / "b.cert_secret"))
        #expect(try Certificate(file: folder / "a.cert").publicKey == first.publicKey)
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o644]) func `a secret that others may read is refused`(mode: Int) throws {
        let folder = try TemporaryFolder()
        try Certificate(try KeyPair.generate()).write(public: folder / "a.cert", secret: folder / "a.cert_secret")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder / "a.cert_secret")
        let error = #expect(throws: CertificateError.self) { try Certificate(file: folder / "a.cert_secret") }
        #expect(error?.description.contains("chmod 600 '\(folder / "a.cert_secret")'") == true)
    }

    @Test(arguments: [
        // One's own file, root's file read by root, another user's.
        (0o600, 1000, 1000, true), (0o400, 1000, 1000, true), (0o640, 1000, 1000, false), (0o440, 1000, 1000, false),
        (0o600, 0, 0, true), (0o440, 0, 0, false), (0o440, 1001, 1000, false),
        // Root's, for the group of a service.
        (0o440, 0, 1000, true), (0o640, 0, 1000, true), (0o660, 0, 1000, false), (0o444, 0, 1000, false),
        (0o641, 0, 1000, false), (0o650, 0, 1000, false),
    ]) func `root may let a service's group read its secret`(mode: Int, owner: Int, reader: Int, isPrivate: Bool) {
        #expect(
            Certificate.isPrivate(mode: mode_t(mode), owner: uid_t(owner), reader: uid_t(reader)) == isPrivate,
            "\(String(mode, radix: 8)) of \(owner), read by \(reader)")
    }

    @Test func `the form of other libraries is read`() throws {
        let key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
        let secret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
        // ZMQ's own test keys (RFC 27's examples); pyzmq does not quote metadata, CZMQ does.
        let certificate = try Certificate(
            text: """
                #   ****  Generated on 2026-01-01 by pyzmq  ****
                #   ZeroMQ CURVE **Secret** Certificate

                metadata
                    streams = cam 1, cam2   # two
                    name = 'it is "quoted"'
                    empty =
                curve
                    public-key = "\(key)"
                    secret-key = "\(secret)"
                """)
        #expect(certificate.publicKey.z85 == key)
        #expect(certificate.keyPair != nil)
        #expect(certificate.metadata == ["streams": "cam 1, cam2", "name": "it is \"quoted\"", "empty": ""])
    }

    @Test(arguments: [
        "", "curve\n", "curve\n    public-key = \"short\"\n", "curve\n   public-key = \"x\"\n",
        "curve\n        public-key = \"x\"\n", "curve\n    public-key = \"unclosed\n", "metadata\n    = 1\n", "a b\n",
        "curve\n    public-key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI\\\"\n",
    ]) func `what is no certificate is refused`(text: String) {
        #expect(throws: CertificateError.self) { try Certificate(text: text) }
    }

    @Test func `keys that do not belong together are refused`() throws {
        let one = try KeyPair.generate()
        let folder = try TemporaryFolder()
        try Certificate(try KeyPair.generate()).write(public: folder / "a.cert", secret: folder / "a.cert_secret")
        let text = try String(contentsOfFile: folder / "a.cert_secret", encoding: .utf8)
        let other = try Certificate(file: folder / "a.cert").publicKey
        let error = #expect(throws: CertificateError.self) {
            try Certificate(text: text.replacingOccurrences(of: other.z85, with: one.publicKey.z85))
        }
        #expect(error?.description.contains("does not belong") == true)
    }

    @Test func `a secret key does not end up in a log`() throws {
        let pair = try KeyPair.generate()
        #expect("\(pair.secretKey)" == "(secret)")
    }
}

@Suite struct FolderTests {
    @Test func `groups and streams come from the folders`() throws {
        let folder = try TemporaryFolder()
        let cam = try add("cam1", to: folder, group: "feeders", ["streams": "door, yard*"])
        let sink = try add("sink", to: folder, group: "sink")
        let infer1 = try add("infer1", to: folder, group: "infer")
        let infer2 = try add("infer2", to: folder, group: "infer", ["endpoint": "tcp://gpu2:5560"])
        let contents = try KeyFolder(path: folder.path).read()
        #expect(contents.peers.allowed[.feeders] == [cam])
        #expect(contents.peers.allowed[.infer] == [infer1, infer2])
        #expect(contents.peers.allowed[.subscribers] == [])
        #expect(contents.peers.servers == [.feeders: cam, .sink: sink, .infer: infer1])
        #expect(contents.peers.serversAt == ["tcp://gpu2:5560": infer2])
        let permissions = FeedPermissions(contents.streams)
        for (stream, allowed) in [("door", true), ("yard", true), ("yard 2", true), ("doors", false), ("", false)] {
            #expect(permissions.allows(cam, toFeed: stream) == allowed, "\(stream)")
        }
        #expect(!permissions.allows(sink, toFeed: "door"))
        #expect(!permissions.allows(nil, toFeed: "door"))
    }

    @Test func `a camera without streams and a secret among the public are named`() throws {
        let folder = try TemporaryFolder()
        _ = try add("cam1", to: folder, group: "feeders")
        var error = #expect(throws: CertificateError.self) { try KeyFolder(path: folder.path).read() }
        #expect(error?.description.contains("feeders/cam1.cert") == true)
        #expect(error?.description.contains("streams = ") == true)

        let other = try TemporaryFolder()
        _ = try add("a", to: other, group: "sink")
        try FileManager.default.moveItem(atPath: other / "a.cert_secret", toPath: other / "sink/a.cert_secret")
        error = #expect(throws: CertificateError.self) { try KeyFolder(path: other.path).read() }
        #expect(error?.description.contains("only public") == true)
    }

    @Test(arguments: ["", " , ", "a*b", "*x"]) func `lists that name no stream are refused`(list: String) {
        #expect(FeedPermissions.Streams(list) == nil)
    }

    @Test func `a star stands for every stream`() throws {
        #expect(try #require(FeedPermissions.Streams("*")).contains("anything"))
    }

    @Test func `one's own certificate is named after the program or the only one`() throws {
        let folder = try TemporaryFolder()
        let keys = KeyFolder(path: folder.path)
        #expect(throws: CertificateError.self) { try keys.ownCertificate(named: "sink") }
        _ = try add("other", to: folder, group: "sink")
        #expect(try keys.ownCertificate(named: "sink") == folder / "other.cert_secret")
        _ = try add("sink", to: folder, group: "sink")
        #expect(try keys.ownCertificate(named: "sink") == folder / "sink.cert_secret")
        let error = #expect(throws: CertificateError.self) { try keys.ownCertificate(named: "infer") }
        #expect(error?.description.contains("posebus keys new infer") == true)
    }

    private func add(
        _ name: String, to folder: TemporaryFolder, group: String, _ metadata: [String: String] = [:]
    ) throws -> PublicKey {
        try FileManager.default.createDirectory(atPath: folder / group, withIntermediateDirectories: true)
        let certificate = Certificate(try KeyPair.generate(), metadata: metadata)
        try certificate.write(public: folder / "\(group)/\(name).cert", secret: folder / "\(name).cert_secret")
        return certificate.publicKey
    }
}

/// A folder that is gone when its owner is.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("posebus-\(UUID().uuidString)").path

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    static func / (folder: TemporaryFolder, name: String) -> String { "\(folder.path)/\(name)" }
}

private func mode(_ file: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int)
}
