package import Checkpoints
public import Foundation

/// The two weight files of BlazePose GHUM, checked and parsed.
public struct BlazePoseModels: Sendable {
    /// One published weight file.
    public struct WeightFile: Sendable, Equatable {
        /// File name.
        public let name: String
        /// SHA-256 of the published bytes, lower-case hexadecimal.
        public let sha256: String
    }

    /// Finds persons.
    public static let detectorFile = WeightFile(
        name: "pose_detection.tflite", sha256: "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c")
    /// Finds the joints of one person.
    public static let landmarkFile = WeightFile(
        name: "pose_landmark_full.tflite", sha256: "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f")
    /// Both, as the wheel `mediapipe==0.10.21` holds them.
    public static let files = [detectorFile, landmarkFile]

    package let detector: TFLiteModel
    package let landmarks: TFLiteModel

    /// Reads both files from `directory`.
    ///
    /// - Throws: `BlazePoseError.weights` naming the file, what is wrong with it and the command that fetches it.
    public init(directory: URL) throws(BlazePoseError) {
        detector = try BlazePoseModels.load(BlazePoseModels.detectorFile, from: directory)
        landmarks = try BlazePoseModels.load(BlazePoseModels.landmarkFile, from: directory)
    }

    private static func load(_ file: WeightFile, from directory: URL) throws(BlazePoseError) -> TFLiteModel {
        let url = directory.appendingPathComponent(file.name)
        try verifyWeights(at: url, file)
        do {
            return try TFLiteModel(contentsOf: url)
        } catch {
            throw .weights("\(url.path) cannot be used: \(error)")
        }
    }

    /// Checks that the file at `url` is, byte for byte, the published `file`.
    ///
    /// - Throws: `BlazePoseError.weights` naming the file, what is wrong with it and the command that fetches it.
    public static func verifyWeights(at url: URL, _ file: WeightFile) throws(BlazePoseError) {
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw .weights("the weight file \(url.path) is missing; `posebus models fetch` gets it")
        }
        let data: Data
        do {
            data = try Data(contentsOf: url, options: .alwaysMapped)
        } catch {
            throw .weights(
                "the weight file \(url.path) cannot be read (\(error.localizedDescription)); "
                    + "make it readable, or `posebus models fetch` gets it again")
        }
        let digest = data.withUnsafeBytes { SHA256.hexDigest(of: $0) }
        guard digest == file.sha256 else {
            throw .weights(
                "the weight file \(url.path) is not the published one (\(data.count) bytes with SHA-256 \(digest), "
                    + "expected \(file.sha256)); remove it, then `posebus models fetch` gets the right one")
        }
    }
}
