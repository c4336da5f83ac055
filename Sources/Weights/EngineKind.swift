/// The engines, by the word of `--engine`.
package enum EngineKind: String, CaseIterable, Sendable {
    /// MediaPipe's BlazePose on libtorch: people in real time on a CPU.
    case blazepose
    /// Finds nobody; measures the bus alone.
    case none

    /// The files that the engine loads.
    package var weightFiles: [WeightFile] {
        switch self {
        case .blazepose: [.blazePoseDetector, .blazePoseLandmarks]
        case .none: []
        }
    }
}
