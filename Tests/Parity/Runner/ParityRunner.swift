internal import ArgumentParser
internal import BlazePose
internal import Foundation

/// Runs the models without the bus, for the scripts that compare them with the public ones.
@main
struct ParityRunner: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parity-runner", abstract: "Run the models without the bus, for comparisons.",
        subcommands: [BlazePoseFrames.self, HMR2Crops.self, PHALPNetworks.self, TrackCrowd.self],
        defaultSubcommand: BlazePoseFrames.self)
}

/// Runs the pose pipeline over decoded frames.
struct BlazePoseFrames: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blazepose",
        abstract: "Follow the persons in raw RGB frames from standard input; one JSON object a frame.",
        discussion: """
            ffmpeg -i clip.mp4 -fps_mode passthrough -f rawvideo -pix_fmt rgb24 - | parity-runner --width 640 --height 360

            Scripts of Tests/Parity call it.
            """)

    @Option(help: "Width of a frame in pixels.")
    var width: Int

    @Option(help: "Height of a frame in pixels.")
    var height: Int

    @Option(help: "Frames a second.")
    var rate = 30.0

    @Option(help: "Folder of the two weight files.")
    var models: String

    @Option(help: "Threads that a network may use.")
    var threads = 1

    @Option(help: "Write every crop that the networks are given, with every output, to files in this folder.")
    var record: String?

    @Option(help: "Of the crops, record only every so many.")
    var recordEvery = 1

    func run() throws {
        let weights = try BlazePoseModels(directory: URL(fileURLWithPath: models, isDirectory: true))
        var options = BlazePoseOptions()
        options.threads = threads
        let inference = try ObservedInference(
            BlazePoseNetworks(models: weights, options: options),
            recorder: try record.map {
                try CropRecorder(weights, folder: URL(fileURLWithPath: $0, isDirectory: true), every: recordEvery)
            })
        let pipeline = PosePipeline(inference: inference, options: options)
        let tracker = PoseTracker()
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var index = 0
        while let pixels = try readFrame() {
            let image = try RGBImage(width: width, height: height, pixels: [UInt8](pixels))
            inference.reset()
            let start = ContinuousClock.now
            let persons = try pipeline.process([(tracker, image, Double(index) / rate)])[0]
            let line = FrameLine(
                sequence: index, milliseconds: (ContinuousClock.now - start) / .milliseconds(1),
                detectorCrops: inference.detectorCrops, landmarkCrops: inference.landmarkCrops,
                persons: persons.map(PersonLine.init))
            FileHandle.standardOutput.write(try encoder.encode(line) + Data("\n".utf8))
            index += 1
        }
    }

    /// The next frame, or nil at the end of the input.
    private func readFrame() throws -> Data? {
        let size = 3 * width * height
        var frame = Data(capacity: size)
        while frame.count < size {
            guard let chunk = try FileHandle.standardInput.read(upToCount: size - frame.count), !chunk.isEmpty else {
                guard frame.isEmpty else { throw ValidationError("the input ends within a frame") }
                return nil
            }
            frame.append(chunk)
        }
        return frame
    }
}

/// One frame's answer; keys as in the results that PoseBus publishes, where they are the same thing.
private struct FrameLine: Encodable {
    let sequence: Int
    let milliseconds: Double
    let detectorCrops: Int
    let landmarkCrops: Int
    let persons: [PersonLine]

    enum CodingKeys: String, CodingKey {
        case sequence, milliseconds, persons
        case detectorCrops = "detector_crops"
        case landmarkCrops = "landmark_crops"
    }
}

private struct PersonLine: Encodable {
    let trackID: Int
    let score: Float
    let bbox: [Float]
    let keypoints2D: [[Float]]

    enum CodingKeys: String, CodingKey {
        case score, bbox
        case trackID = "track_id"
        case keypoints2D = "keypoints_2d"
    }

    init(_ person: BlazePosePerson) {
        trackID = person.trackID
        score = person.score
        let box = person.boundingBox
        bbox = [box.x, box.y, box.width, box.height]
        keypoints2D = person.keypoints.map { [$0.x, $0.y, $0.score] }
    }
}
