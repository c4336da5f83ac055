public import ArgumentParser
internal import Foundation
public import Logging
public import Security

/// Which keys a program has, and whom it lets in.
public struct SecurityOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "Folder of certificates; with it everything is encrypted and only known keys are let in.",
            discussion: """
                It holds the own NAME.cert_secret, and in feeders/, subscribers/, ingest/, infer/ and sink/ the public \
                certificates of the peers. docs/security.md says how to make it; `posebus keys new` makes the keys.
                """, valueName: "folder"),
        completion: .directory)
    public var keys: String?

    @Option(
        help: ArgumentHelp(
            "Own secret certificate. Default: the one in --keys that is named after this program, or the only one.",
            valueName: "file"),
        completion: .file())
    public var key: String?

    public init() {}

    /// What the options say.
    ///
    /// - Parameters:
    ///   - name: of the own certificate.
    ///   - program: for messages.
    ///   - log: receives what happens with keys later on.
    /// - Throws: `ExitCode` where a certificate cannot be used, once the reason is on standard error.
    public func security(
        for name: String, program: String? = nil, log: @escaping @Sendable (String) -> Void
    ) throws -> StageSecurity {
        guard let folder = keys ?? key.map({ ($0 as NSString).deletingLastPathComponent }) else { return .thisMachine }
        let keyFolder = KeyFolder(path: folder.isEmpty ? "." : folder)
        do throws(CertificateError) {
            let own = if let key { key } else { try keyFolder.ownCertificate(named: name) }
            return try StageSecurity(folder: keyFolder, own: own, log: log)
        } catch {
            throw report(StageFailure(error.description, exitCode: .configuration), program ?? "posebus-\(name)")
        }
    }

    /// The same options, for a program that this one starts.
    public var arguments: [String] {
        keys.map { ["--keys", $0] } ?? []
    }
}

/// The same for a program that binds.
public struct ListeningOptions: ParsableArguments, Sendable {
    @OptionGroup(title: "Security") public var security: SecurityOptions

    @Flag(
        help: """
            Without --keys: bind to addresses that other machines can reach, although whoever reaches them can then feed \
            frames, read results and forge both.
            """)
    public var anyoneMayConnect = false

    public init() {}

    public func validate() throws {
        guard !anyoneMayConnect || (security.keys == nil && security.key == nil) else {
            throw ValidationError("--anyone-may-connect contradicts --keys: with keys only known ones are let in")
        }
    }

    /// What the options say; see `SecurityOptions.security`.
    public func security(for name: String, logger: Logger) throws -> StageSecurity {
        anyoneMayConnect ? .anybody : try security.security(for: name, log: { logger.warning("\($0)") })
    }
}
