package import ArgumentParser

/// The programs that `posebus.yaml` has a section for, by the section's name.
package enum StageKind: String, CaseIterable, Sendable, ExpressibleByArgument {
    case ingest
    case infer
    case sink
    case gateway

    /// The executable.
    package var program: String { "posebus-\(rawValue)" }

    /// What can be chosen about it.
    package var options: any ParsableArguments.Type {
        switch self {
        case .ingest: IngestOptions.self
        case .infer: InferOptions.self
        case .sink: SinkOptions.self
        case .gateway: GatewayOptions.self
        }
    }
}
