package import Weights

extension EngineKind {
    /// Loads the engine on the thread that will use it.
    ///
    /// - Throws: an error that says which file is missing or altered and how to get it.
    package func makeEngine(_ options: EngineOptions) throws -> any PoseEngine {
        switch self {
        case .blazepose: try BlazePoseEngine(models: options.models, threads: options.threads)
        case .hmr2: try HMR2Engine(options)
        case .none: PassThroughEngine()
        }
    }
}
