internal import ArgumentParser
internal import Foundation
internal import Security
internal import Stage
internal import ZeroMQ

/// `posebus keys`: makes and shows the keys by which stages, cameras and subscribers know each other.
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make and show the keys by which stages, cameras and subscribers know each other.",
        discussion: """
            A secured pipeline in five lines (docs/security.md says it for three machines):
              posebus keys new ingest --for ingest --dir keys
              posebus keys new infer  --for infer  --dir keys
              posebus keys new sink   --for sink   --dir keys
              posebus keys new cam1   --for feeders --streams cam1 --dir keys
              posebus keys new viewer --for subscribers --dir keys

            Copy the folders keys/*/ to every machine; they hold public certificates only. Of the NAME.cert_secret files each \
            machine gets its own and no other. Then start everything with --keys keys.
            """,
        subcommands: [New.self, Show.self])

    /// Where a certificate belongs.
    enum Role: String, ExpressibleByArgument, CaseIterable {
        case feeders, subscribers, ingest, infer, sink
    }

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key pair.",
            discussion: """
                Writes DIR/NAME.cert_secret, readable by you alone, and the public certificate: DIR/NAME.cert, or \
                DIR/ROLE/NAME.cert with --for, where those who read this folder look for it. Never overwrites.
                """)

        @Argument(help: "Name of the certificate: letters, digits, - _ and dots.")
        var name: String

        @Option(
            name: .customLong("for"),
            help: "What its owner may do: \(Role.allCases.map(\.rawValue).joined(separator: ", ")).")
        var role: Role?

        @Option(help: "With --for feeders: the streams it may feed, separated by commas; cam* for all that begin so.")
        var streams: String?

        @Option(
            help: """
                The endpoint that its owner binds, as those who connect to it name it, such as tcp://gpu2:5560. For a stage \
                of which there are several, each with its own key; repeat.
                """)
        var endpoint: [String] = []

        @Option(help: "Folder of the keys. Made where there is none.")
        var dir = "."

        func validate() throws {
            let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_."))
            guard !name.isEmpty, name.utf8.count <= 100, !name.hasPrefix("."),
                name.unicodeScalars.allSatisfy({ $0.isASCII && allowed.contains($0) })
            else { throw ValidationError("NAME is made of letters, digits, - _ and dots") }
            guard (role == .feeders) == (streams != nil) else {
                throw ValidationError(
                    "--for feeders and --streams belong together: a camera's key may feed only its streams")
            }
            if let streams, FeedPermissions.Streams(streams) == nil || streams.contains("\"") {
                throw ValidationError(
                    "--streams is a list of names, separated by commas; a * stands only at the end of one")
            }
            let bound: [Role?] = [.ingest, .infer, .sink]
            guard endpoint.isEmpty || bound.contains(role) else {
                throw ValidationError("--endpoint is for those whom others connect to: --for ingest, infer or sink")
            }
            for endpoint in endpoint
            where !endpoint.contains("://") || endpoint.contains(where: { " ,\"".contains($0) }) {
                throw ValidationError("--endpoint is one endpoint such as tcp://gpu2:5560, not \(endpoint)")
            }
        }

        func run() throws {
            try orFail {
                let folder = role.map { "\(dir)/\($0.rawValue)" } ?? dir
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                var metadata = ["name": name]
                metadata["streams"] = streams
                if !endpoint.isEmpty { metadata["endpoint"] = endpoint.joined(separator: ", ") }
                let certificate = Certificate(try KeyPair.generate(), metadata: metadata)
                let publicFile = "\(folder)/\(name).\(KeyFolder.publicEnding)"
                let secretFile = "\(dir)/\(name).\(KeyFolder.secretEnding)"
                try certificate.write(public: publicFile, secret: secretFile)
                print("\(secretFile)   secret: stays with its owner")
                print("\(publicFile)   public: for everybody who has to know \(name)")
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what a certificate says. Secret keys are not shown.")

        @Argument(help: "A .cert or .cert_secret file, of PoseBus, CZMQ or pyzmq.")
        var file: String

        func run() throws {
            try orFail {
                let certificate = try Certificate(file: file)
                print("public key  \(certificate.publicKey)")
                print(
                    "secret key  \(certificate.keyPair == nil ? "not in this file" : "in this file; keep it to its owner")"
                )
                for (name, value) in certificate.metadata.sorted(by: { $0.key < $1.key }) {
                    print(name.padding(toLength: max(12, name.count + 2), withPad: " ", startingAt: 0) + value)
                }
            }
        }
    }
}

/// Runs `body`; what goes wrong is said on standard error.
private func orFail(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as CertificateError {
        printError("posebus keys: \(error)")
        throw ExitCode.configuration
    } catch let error as ZeroMQError {
        printError("posebus keys: \(error)")
        throw ExitCode.failure
    } catch let error as CocoaError {
        printError("posebus keys: \(error.localizedDescription)")
        throw ExitCode.cannotCreate
    }
}
