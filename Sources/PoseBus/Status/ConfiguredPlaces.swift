internal import Foundation
internal import Overview
internal import Settings
internal import Stage

/// Where the stages serve their status, as file and environment say.
///
/// A stage's `status` is where it listens. Where that is every address of its machine (`0.0.0.0:5581`), the machine is the one
/// that the stage before it connects to: ingest's `infer`, and infer's `sink`.
struct ConfiguredPlaces {
    private let choices: [StageKind: StageChoices]

    /// Reads both.
    ///
    /// - Throws: `Mistakes` with everything that is wrong with them.
    init(_ configuration: ConfigurationOptions) throws(Mistakes) {
        let variables = Variables(ProcessInfo.processInfo.environment)
        let file = try (configuration.config ?? variables.file).map { path throws(Mistakes) in
            try SettingsFile(path: path)
        }
        let all = StageKind.allCases.map { StageChoices($0, file: file, variables: variables) }
        var seen: Set<Mistake> = []
        let mistakes = all.flatMap(\.mistakes).filter { seen.insert($0).inserted }
        guard mistakes.isEmpty else { throw Mistakes(all: mistakes) }
        choices = Dictionary(uniqueKeysWithValues: all.map { ($0.schema.stage, $0) })
    }

    /// Of ingest, infer or the sink; empty where it serves none.
    func status(of stage: StageAddress.Kind) -> [String] {
        let kind: StageKind
        let standard: Int
        let reached: [String]
        switch stage {
        case .ingest: (kind, standard, reached) = (.ingest, 5580, [])
        case .infer: (kind, standard, reached) = (.infer, 5581, values("infer", of: .ingest))
        case .sink: (kind, standard, reached) = (.sink, 5582, values("sink", of: .infer))
        case .gateway: return gateway.map { [$0] } ?? []
        }
        guard let text = values("status", of: kind).first else { return ["127.0.0.1:\(standard)"] }
        guard let address = StatusAddress(argument: text), let place = address.place else { return [] }
        let hosts = ["0.0.0.0", "::"].contains(place.host) ? reached.compactMap(Self.host) : []
        guard !hosts.isEmpty else { return address.localURL.map { [$0] } ?? [] }
        var seen: Set<String> = []
        return hosts.filter { seen.insert($0).inserted }
            .compactMap { StatusAddress(host: $0, port: place.port).url }
    }

    /// Where the gateway listens.
    private var gateway: String? {
        values("bind-http", of: .gateway).first.flatMap { StatusAddress(argument: $0)?.localURL }
    }

    private func values(_ name: String, of stage: StageKind) -> [String] { choices[stage]?.values(name) ?? [] }

    /// The machine in `tcp://HOST:PORT`.
    private static func host(of endpoint: String) -> String? {
        guard endpoint.hasPrefix("tcp://") else { return nil }
        return HostName.host(of: endpoint.dropFirst("tcp://".count))
    }
}
