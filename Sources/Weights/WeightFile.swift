internal import Checkpoints
package import Foundation

/// One published weight file, known by its digest.
package struct WeightFile: Sendable, Equatable {
    /// File name.
    package let name: String
    /// SHA-256 of the published bytes, lower-case hexadecimal.
    package let sha256: String

    /// BlazePose's detector, as the wheel `mediapipe==0.10.21` holds it.
    package static let blazeposeDetector = WeightFile(
        name: "pose_detection.tflite", sha256: "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c")
    /// BlazePose's landmark model, as the wheel `mediapipe==0.10.21` holds it.
    package static let blazeposeLandmarks = WeightFile(
        name: "pose_landmark_full.tflite", sha256: "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f")

    /// Checks that there is a file, without reading it.
    ///
    /// - Throws: `WeightError` naming the file and the command that fetches it.
    package func checkPresence(in folder: URL) throws(WeightError) {
        let path = folder.appendingPathComponent(name).path
        guard FileManager.default.fileExists(atPath: path) else {
            throw WeightError(description: "the weight file \(path) is missing; `posebus models fetch` gets it")
        }
    }

    /// Checks that the file in a folder is, byte for byte, the published one.
    ///
    /// - Throws: `WeightError` naming the file, what is wrong with it and the command that fetches it.
    package func check(in folder: URL) throws(WeightError) {
        try checkPresence(in: folder)
        let path = folder.appendingPathComponent(name).path
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        } catch {
            throw WeightError(
                description: "the weight file \(path) cannot be read (\(error.localizedDescription)); "
                    + "make it readable, or `posebus models fetch` gets it again")
        }
        let digest = data.withUnsafeBytes { SHA256.hexDigest(of: $0) }
        guard digest == sha256 else {
            throw WeightError(
                description: "the weight file \(path) is not the published one (\(data.count) bytes with SHA-256 "
                    + "\(digest), expected \(sha256)); remove it, then `posebus models fetch` gets the right one")
        }
    }
}

/// A weight file that is missing or is not the published one.
package struct WeightError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
    /// The file, what is wrong with it and the command that fetches it.
    package let description: String
    package var errorDescription: String? { description }

    /// An error in words for a person.
    package init(description: String) {
        self.description = description
    }
}
