package import Foundation

/// The engines this build has, by the word of `--engine`.
package enum EngineKind: String, CaseIterable, Sendable {
    /// MediaPipe's BlazePose on libtorch: people in real time on a CPU.
    case blazepose
    /// Finds nobody; measures the bus alone.
    case none

    /// Loads the engine on the thread that will use it.
    ///
    /// - Parameters:
    ///   - models: the folder of the weight files.
    ///   - threads: how many threads one computation may use.
    /// - Throws: an error that says which file is missing or altered and how to get it.
    package func makeEngine(models: URL, threads: Int) throws -> any PoseEngine {
        switch self {
        case .blazepose: try BlazePoseEngine(models: models, threads: threads)
        case .none: PassThroughEngine()
        }
    }
}

/// Where weight files are kept unless an option says otherwise.
package enum ModelsFolder {
    /// `$POSEBUS_MODELS`, else `posebus/models` in the user's data folder (XDG Base Directory Specification).
    package static func standard(environment: [String: String] = ProcessInfo.processInfo.environment) -> URL {
        if let folder = environment["POSEBUS_MODELS"], !folder.isEmpty {
            return URL(fileURLWithPath: folder, isDirectory: true)
        }
        let data: URL
        if let folder = environment["XDG_DATA_HOME"], folder.hasPrefix("/") {
            data = URL(fileURLWithPath: folder, isDirectory: true)
        } else {
            data = URL(fileURLWithPath: environment["HOME"] ?? NSHomeDirectory(), isDirectory: true)
                .appendingPathComponent(".local/share", isDirectory: true)
        }
        return data.appendingPathComponent("posebus/models", isDirectory: true)
    }
}
