import Exports
import Foundation
import Messages

/// A recording in memory.
struct MemoryRecording: Recording {
    var stream: StreamName
    var session = SessionID()
    var outcomes: [Outcome] = []
    var jpegs: [UInt64: [UInt8]] = [:]

    init(_ stream: String, outcomes: [Outcome] = []) throws {
        self.stream = try StreamName(stream)
        self.outcomes = outcomes
    }

    func forEachOutcome(_ body: (Outcome) throws -> Void) throws { try outcomes.forEach(body) }

    func jpeg(of sequence: SequenceNumber) throws -> [UInt8]? { jpegs[sequence.value] }
}

/// A folder that goes away with it.
final class Scratch {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "exports-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String) -> URL { url.appending(path: name) }

    /// The files in it, or in a folder of it.
    func names(_ folder: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: url.appending(path: folder).path).sorted()
    }
}

/// Persons and frames that the tests put together.
enum Scenes {
    static let pictureSize = (width: 640, height: 480)

    /// A rotation about x, row-major.
    static func turn(x angle: Float) -> [Float] {
        let (c, s) = (cos(angle), sin(angle))
        return [1, 0, 0, 0, c, -s, 0, s, c]
    }

    /// A person with a body: at rest but for the pelvis, which is turned about x, and the left elbow.
    static func body(_ track: UInt32, turn: Float, x: Float, observed: Bool = true, state: TrackState? = .confirmed)
        -> Person
    {
        let rest = Self.turn(x: 0)
        var pose = [[Float]](repeating: rest, count: 23)
        pose[17] = Self.turn(x: turn)
        var keypoints = (0..<44).map { SIMD3<Float>(Float($0 % 5) * 0.1, Float($0) * 0.02 - 0.5, 0.1) }
        keypoints[8] = SIMD3(0, -0.2, 0.03)
        let place = SIMD3<Float>(x, 0.1, 4)
        return Person(
            trackID: track, score: 0.9, bbox: BoundingBox(x: 100, y: 80, width: 120, height: 300), observed: observed,
            state: observed ? state : .predicted,
            keypoints2D: keypoints.map { point in
                let seen = point + place
                return SIMD3(320 + 500 * seen.x / seen.z, 240 + 500 * seen.y / seen.z, 0.9)
            },
            keypoints3D: keypoints, cameraTranslation: place, focalLength: 500,
            smpl: SMPLParameters(
                betas: (0..<10).map { Float($0) / 10 }, bodyPose: pose.flatMap { $0 }, globalOrient: Self.turn(x: turn))
        )
    }

    static func frame(
        _ recording: MemoryRecording, _ sequence: UInt64, milliseconds: Double? = nil, persons: [Person] = [],
        skeleton: Skeleton = .smpl44, drop: Drop? = nil
    ) -> Outcome {
        let time = Timestamp(
            nanoseconds: 1_700_000_000_000_000_000 + Int64((milliseconds ?? 40 * Double(sequence)) * 1e6))
        return Outcome(
            frame: FrameHeader(
                stream: recording.stream, session: recording.session, sequence: SequenceNumber(sequence),
                captureTime: time, acceptedTime: time, width: drop == nil ? pictureSize.width : 0,
                height: drop == nil ? pictureSize.height : 0),
            engine: drop == nil ? "test" : "", skeleton: drop == nil ? skeleton.name : "", drop: drop, persons: persons)
    }
}

/// A binary glTF file.
struct Scene {
    struct Channel {
        let node: Int, path: String, interpolation: String, input: Int, output: Int
    }

    let nodes: [[String: Any]]
    let channels: [Channel]
    private let accessors: [[String: Any]]
    private let views: [[String: Any]]
    private let binary: Data

    init(_ url: URL) throws {
        let data = try Data(contentsOf: url)
        func number(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(data[offset + $1]) << (8 * $1) } }
        let size = number(12)
        let json = try JSONSerialization.jsonObject(with: data[20..<(20 + size)]) as? [String: Any] ?? [:]
        binary = data.subdata(in: (28 + size)..<data.count)
        nodes = json["nodes"] as? [[String: Any]] ?? []
        accessors = json["accessors"] as? [[String: Any]] ?? []
        views = json["bufferViews"] as? [[String: Any]] ?? []
        let animation = (json["animations"] as? [[String: Any]])?.first ?? [:]
        let samplers = animation["samplers"] as? [[String: Any]] ?? []
        channels = (animation["channels"] as? [[String: Any]] ?? []).compactMap { channel in
            guard let target = channel["target"] as? [String: Any], let node = target["node"] as? Int,
                let path = target["path"] as? String, let place = channel["sampler"] as? Int,
                let input = samplers[place]["input"] as? Int, let output = samplers[place]["output"] as? Int
            else { return nil }
            return Channel(
                node: node, path: path, interpolation: samplers[place]["interpolation"] as? String ?? "", input: input,
                output: output)
        }
    }

    /// The numbers of an array of 32-bit floats.
    func floats(_ accessor: Int) -> [Float] {
        let values = accessors[accessor]
        let view = views[values["bufferView"] as? Int ?? 0]
        let start = (view["byteOffset"] as? Int ?? 0) + (values["byteOffset"] as? Int ?? 0)
        let width = ["SCALAR": 1, "VEC3": 3, "VEC4": 4][values["type"] as? String ?? ""] ?? 0
        return (0..<(width * (values["count"] as? Int ?? 0))).map { place in
            Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(binary[start + 4 * place + $1]) << UInt32(8 * $1) })
        }
    }
}
