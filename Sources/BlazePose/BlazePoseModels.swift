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
        detector = try BlazePoseModels.load(.blazeposeDetector, from: directory)
        landmarks = try BlazePoseModels.load(.blazeposeLandmarks, from: directory)
    }

    private static func load(_ file: WeightFile, from directory: URL) throws(BlazePoseError) -> TFLiteModel {
        do {
            try file.check(in: directory)
        } catch {
            throw .weights(error.description)
        }
        let url = directory.appendingPathComponent(file.name)
        do {
            return try TFLiteModel(contentsOf: url)
        } catch {
            throw .weights("\(url.path) cannot be used: \(error)")
        }
    }
}
