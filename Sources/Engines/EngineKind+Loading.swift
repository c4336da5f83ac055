package import Foundation
package import Weights

extension EngineKind {
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
