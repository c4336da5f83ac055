internal import BlazePose
internal import Foundation
internal import Testing
internal import Weights

/// Tests with the published weights run when POSEBUS_MODELS names the folder that holds both files, and those with
/// footage when POSEBUS_CLIPS names the folder with `kicker.mp4`, too; they are reported as skipped otherwise.
private let modelsFolder = ProcessInfo.processInfo.environment["POSEBUS_MODELS"]
private let clipsFolder = ProcessInfo.processInfo.environment["POSEBUS_CLIPS"]

@Suite struct WeightsTests {
    @Test func aMissingFileIsNamedWithTheCommandThatFetchesIt() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let error = #expect(throws: BlazePoseError.self) { try BlazePoseModels(directory: folder) }
        let text = error?.description ?? ""
        #expect(text.contains("pose_detection.tflite") && text.contains("missing"))
        #expect(text.contains("posebus models fetch"))
    }

    @Test func anAlteredFileIsNamedWithBothDigests() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appendingPathComponent(WeightFile.blazeposeLandmarks.name)
        try Data("abc".utf8).write(to: url)
        let error = #expect(throws: WeightError.self) { try WeightFile.blazeposeLandmarks.check(in: folder) }
        let text = error?.description ?? ""
        #expect(text.contains(url.path) && text.contains("not the published one"))
        #expect(text.contains("ba7816bf8f01cfea") && text.contains(WeightFile.blazeposeLandmarks.sha256))
        #expect(text.contains("posebus models fetch"))
    }

    @Test(.enabled(if: modelsFolder != nil, "POSEBUS_MODELS is not set"))
    func nobodyIsSeenInAnEmptyPicture() throws {
        let estimator = try estimator(masks: true)
        let gray = try RGBImage(width: 320, height: 240, pixels: [UInt8](repeating: 128, count: 320 * 240 * 3))
        #expect(try estimator.detect(still: gray).isEmpty)
        let guess = try estimator.detect(still: gray, boxes: [BoundingBox(x: 50, y: 20, width: 90, height: 200)])
        #expect(guess.count == 1 && guess[0].score < 0.5)
        let tracker = PoseTracker()
        for _ in 0..<3 { #expect(try estimator.process([.init(tracker: tracker, image: gray)]).allSatisfy(\.isEmpty)) }
    }

    @Test(
        .enabled(
            if: modelsFolder != nil && clipsFolder != nil, "POSEBUS_MODELS and POSEBUS_CLIPS are not both set"),
        arguments: [true, false])
    func theRiderIsFollowedThroughTheJump(masks: Bool) throws {
        let clips = URL(fileURLWithPath: try #require(clipsFolder))
        let frames = try decode(clips.appendingPathComponent("kicker.mp4"), width: 640, height: 360)
        try #require(frames.count == 131)
        let estimator = try estimator(masks: masks)
        let tracker = PoseTracker()
        let persons = try frames.map { try estimator.process([.init(tracker: tracker, image: $0)])[0] }
        // MediaPipe's own Python finds the rider in 112 of these frames; there is nobody else.
        #expect(persons.filter { !$0.isEmpty }.count >= 125)
        #expect(persons.allSatisfy { $0.count <= 1 })
        #expect(Set(persons.flatMap { $0.map(\.trackID) }) == [1])
        #expect(persons.allSatisfy { $0.allSatisfy { ($0.mask != nil) == masks } })
        let boxes = try JSONDecoder().decode(
            Boxes.self, from: Data(contentsOf: clips.appendingPathComponent("kicker.boxes.json")))
        let overlaps = boxes.mesh.map { number, entry -> Float in
            let box = BoundingBox(x: entry.box[0], y: entry.box[1], width: entry.box[2], height: entry.box[3])
            return persons[Int(number) ?? 0].map { $0.boundingBox.intersectionOverUnion(box) }.max() ?? 0
        }
        #expect(Float(overlaps.filter { $0 >= 0.4 }.count) >= 0.98 * Float(overlaps.count))
    }

    private struct Boxes: Decodable {
        struct Entry: Decodable { var box: [Float] }
        var mesh: [String: Entry]
    }

    private func estimator(masks: Bool) throws -> BlazePoseEstimator {
        var options = BlazePoseOptions()
        options.masks = masks
        let models = try BlazePoseModels(directory: URL(fileURLWithPath: try #require(modelsFolder)))
        return try BlazePoseEstimator(models: models, options: options)
    }

    private func temporaryFolder() throws -> URL {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    private func decode(_ file: URL, width: Int, height: Int) throws -> [RGBImage] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "ffmpeg", "-v", "error", "-i", file.path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-",
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let bytes = [UInt8](pipe.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        let size = width * height * 3
        return try (0..<(bytes.count / size)).map {
            try RGBImage(width: width, height: height, pixels: Array(bytes[($0 * size)..<(($0 + 1) * size)]))
        }
    }
}
