internal import Checkpoints
package import Foundation

/// One published weight file.
package struct WeightFile: Sendable, Equatable {
    /// File name.
    package let name: String
    /// SHA-256 of the published bytes, lower-case hexadecimal.
    package let sha256: String

    /// Finds persons. From the wheel `mediapipe==0.10.21`.
    package static let blazePoseDetector = WeightFile(
        name: "pose_detection.tflite", sha256: "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c")
    /// Finds the joints of one person. From the wheel `mediapipe==0.10.21`.
    package static let blazePoseLandmarks = WeightFile(
        name: "pose_landmark_full.tflite", sha256: "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f")

    /// Checks that the file at `url` is, byte for byte, the published one.
    ///
    /// - Throws: an error naming the file, what is wrong with it and the command that fetches it.
    package func verify(at url: URL) throws(WeightError) {
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw WeightError("the weight file \(url.path) is missing; `posebus models fetch` gets it")
        }
        let data: Data
        do {
            data = try Data(contentsOf: url, options: .alwaysMapped)
        } catch {
            throw WeightError(
                "the weight file \(url.path) cannot be read (\(error.localizedDescription)); "
                    + "make it readable, or `posebus models fetch` gets it again")
        }
        let digest = data.withUnsafeBytes { SHA256.hexDigest(of: $0) }
        guard digest == sha256 else {
            throw WeightError(
                "the weight file \(url.path) is not the published one (\(data.count) bytes with SHA-256 \(digest), "
                    + "expected \(sha256)); remove it, then `posebus models fetch` gets the right one")
        }
    }
}

/// A weight file that is absent, unreadable or not the published one.
package struct WeightError: Error, CustomStringConvertible, Equatable {
    /// What is wrong with which file, and the command that fetches it.
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
