/// The engines this build has, by the word of `--engine`.
package enum EngineKind: String, CaseIterable, Sendable {
    /// MediaPipe's BlazePose on libtorch: people in real time on a CPU.
    case blazepose
    /// Finds nobody; measures the bus alone.
    case none

    /// The files the engine cannot do without.
    package var weights: [WeightFile] {
        switch self {
        case .blazepose: [.blazeposeDetector, .blazeposeLandmarks]
        case .none: []
        }
    }
}
