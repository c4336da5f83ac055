internal import HMR2
internal import PHALP
internal import Tensor
internal import Tracking
package import Weights

extension EngineKind {
    /// Loads the engine on the thread that will use it.
    ///
    /// - Throws: an error that says which file is missing or altered and how to get it.
    package func makeEngine(_ options: EngineOptions) throws -> any PoseEngine {
        switch self {
        case .blazepose:
            try BlazePoseEngine(
                models: options.models, threads: options.threads, smooths: options.smooths)
        case .hmr2: try makeHMR2Engine(options)
        case .none: PassThroughEngine()
        }
    }

    private func makeHMR2Engine(_ options: EngineOptions) throws -> any PoseEngine {
        // First what is said in a moment, then what takes seconds.
        try options.hmr2.checkPresence()
        try options.phalp?.checkPresence()
        try TorchRuntime.setThreads(options.threads)
        let finder = try PersonFinder(
            models: options.models, threads: options.threads, masks: options.phalp != nil, needsFullSize: true)
        let bodies = try BodyFitter(options)
        guard let phalp = options.phalp else {
            return HMR2Engine(finder: finder, bodies: bodies, tracking: ColourTracking(), smooths: options.smooths)
        }
        let model = try PHALPModel(
            phalp, faces: bodies.model.body.faces, device: options.device, precision: options.precision)
        return HMR2Engine(
            finder: finder, bodies: bodies, tracking: try PHALPTracking(model: model), smooths: options.smooths)
    }
}
