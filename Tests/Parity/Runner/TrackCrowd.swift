internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import Tracking

/// Runs the tracker over detections that a script made up, for `compare_trackers.py` and the end-to-end tests.
struct TrackCrowd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "track",
        abstract: "Give made-up persons identities: a .npz of detections in, a .npy of numbers out.")

    @Argument(help: "Arrays sequence, frame, xy, camera, confidence, appearance, pose, frames, shots (crowds.py).")
    var input: String

    @Argument(help: "Where to write one 32-bit number a detection.")
    var output: String

    @Option(help: "EQ_019 or EQ_010, as PHALP names its constants.")
    var distance = "EQ_019"

    @Flag(help: "Print milliseconds a frame, one line a sequence.")
    var times = false

    func run() throws {
        let crowd = try Crowd(URL(fileURLWithPath: input))
        var options = PersonTracker<EmbeddingTracking>.Options()
        switch distance {
        case "EQ_019": break
        case "EQ_010":
            options.cost = .equation010
            options.costAtShot = .equation010AtShot
        default: throw ValidationError("--distance is EQ_019 or EQ_010, not \(distance)")
        }
        var identities = [Int32](repeating: 0, count: crowd.count)
        for (sequence, frames) in crowd.frames.enumerated() {
            var tracker = PersonTracker(model: EmbeddingTracking(), options: options)
            var spent = Duration.zero
            for frame in 0..<frames {
                let rows = crowd.rows(sequence: sequence, frame: frame)
                let terms = rows.map(crowd.terms)
                let isShot = crowd.isShot(sequence: sequence, frame: frame)
                let start = ContinuousClock.now
                let answer = try tracker.update(terms, time: frame, isShot: isShot)
                spent += ContinuousClock.now - start
                for (row, identity) in zip(rows, answer.identities) { identities[row] = Int32(identity.id) }
            }
            if times { print(spent / .milliseconds(1) / Double(max(frames, 1))) }
        }
        try Self.npy(identities).write(to: URL(fileURLWithPath: output))
    }

    /// NumPy's format, version 1.0: a header of 16 · n bytes, then the numbers.
    private static func npy(_ values: [Int32]) -> Data {
        var header = "{'descr': '<i4', 'fortran_order': False, 'shape': (\(values.count),), }"
        header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
        var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
        data.append(contentsOf: [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)])
        data.append(contentsOf: header.utf8)
        for value in values { withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) } }
        return data
    }
}

/// The detections in a file.
private struct Crowd {
    let frames: [Int]
    let count: Int
    private let xy, camera, confidence, appearance, pose: [Float]
    private let rowsOfFrame: [[Int]: [Int]]
    private let shots: Set<[Int]>

    init(_ url: URL) throws {
        let file = try NumpyArchive(contentsOf: url)
        frames = try file.array("frames").integers()
        xy = try file.array("xy").floats()
        camera = try file.array("camera").floats()
        confidence = try file.array("confidence").floats()
        appearance = try file.array("appearance").floats()
        pose = try file.array("pose").floats()
        let sequences = try file.array("sequence").integers()
        let numbers = try file.array("frame").integers()
        count = sequences.count
        rowsOfFrame = Dictionary(grouping: sequences.indices) { [sequences[$0], numbers[$0]] }
        let cuts = try file.array("shots").integers()
        shots = Set(stride(from: 0, to: cuts.count - 1, by: 2).map { [cuts[$0], cuts[$0 + 1]] })
    }

    func rows(sequence: Int, frame: Int) -> [Int] { rowsOfFrame[[sequence, frame]] ?? [] }

    func isShot(sequence: Int, frame: Int) -> Bool { shots.contains([sequence, frame]) }

    func terms(_ row: Int) -> TrackTerms<[Float]> {
        func numbers(_ all: [Float]) -> [Float] {
            let width = all.count / count
            return Array(all[(row * width)..<((row + 1) * width)])
        }
        let place = numbers(xy).map(Double.init)
        let position = numbers(camera).map(Double.init)
        return TrackTerms(
            location: SIMD2(place[0], place[1]), camera: SIMD3(position[0], position[1], position[2]),
            confidence: Double(confidence[row]),
            // The last three are a place, which a comparison of poses leaves out.
            pose: numbers(pose).dropLast(3), appearance: numbers(appearance))
    }
}
