/// The engines this build has, by the word of `--engine`.
package enum EngineKind: String, CaseIterable, Sendable {
    /// MediaPipe's BlazePose: people in real time on a CPU.
    case blazepose
    /// "Humans in 4D" on libtorch: SMPL bodies of the persons that BlazePose finds.
    case hmr2
    /// Finds nobody; measures the bus alone.
    case none

    /// The files the engine cannot do without.
    package var weights: [WeightFile] {
        switch self {
        case .blazepose, .hmr2: [.blazeposeDetector, .blazeposeLandmarks]
        case .none: []
        }
    }

    /// Whether it computes with libtorch, which then has to be there.
    package var usesTorch: Bool { self == .hmr2 }

    /// What `--engine` chooses from, for help texts.
    package static let help = """
        blazepose: people in real time on a CPU. hmr2: SMPL bodies, for GPUs or patience. none: finds nobody, to measure the \
        bus.
        """
}
