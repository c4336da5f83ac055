package import Checkpoints
public import Foundation
internal import Weights

/// The two weight files of BlazePose GHUM, checked and parsed.
public struct BlazePoseModels: Sendable {
    package let detector: TFLiteModel
    package let landmarks: TFLiteModel

    /// Reads both files from `directory`.
    ///
    /// - Throws: `BlazePoseError.weights` naming the file, what is wrong with it and the command that fetches it.
    public init(directory: URL) throws(BlazePoseError) {
        detector = try BlazePoseModels.load(.blazePoseDetector, from: directory)
        landmarks = try BlazePoseModels.load(.blazePoseLandmarks, from: directory)
    }

    private static func load(_ file: WeightFile, from directory: URL) throws(BlazePoseError) -> TFLiteModel {
        let url = directory.appendingPathComponent(file.name)
        do {
            try file.verify(at: url)
        } catch {
            throw .weights(error.description)
        }
        do {
            return try TFLiteModel(contentsOf: url)
        } catch {
            throw .weights("\(url.path) cannot be used: \(error)")
        }
    }
}
