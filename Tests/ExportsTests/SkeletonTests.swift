import Exports
import Foundation
import Messages
import Testing

/// A BVH file, read as its readers do.
private struct Motion {
    var names: [String] = []
    var parents: [Int] = []
    var offsets: [SIMD3<Double>] = []
    var frames: [[Double]] = []

    init(_ url: URL) throws {
        let text = try String(contentsOf: url, encoding: .utf8)
        let parts = text.components(separatedBy: "MOTION\n")
        var open: [Int] = []
        var isTip = false
        for line in parts[0].split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            switch words[0] {
            case "ROOT", "JOINT":
                parents.append(open.last ?? -1)
                open.append(names.count)
                names.append(words[1])
            case "End": isTip = true
            case "OFFSET" where !isTip:
                offsets.append(SIMD3(Double(words[1])!, Double(words[2])!, Double(words[3])!))
            case "}":
                if isTip { isTip = false } else { open.removeLast() }
            default: break
            }
        }
        frames = parts[1].split(separator: "\n").dropFirst(2).map { line in
            line.split(separator: " ").map { Double($0)! }
        }
    }

    /// Where the joints are in a frame.
    func places(_ frame: Int) -> [String: SIMD3<Double>] {
        let numbers = frames[frame]
        var (places, turns): ([SIMD3<Double>], [[SIMD3<Double>]]) = ([], [])
        for joint in names.indices {
            let angles = numbers[(3 + 3 * joint)..<(6 + 3 * joint)].map { $0 * .pi / 180 }
            let (z, x, y) = (angles[0], angles[1], angles[2])
            // Columns of Rz Rx Ry.
            let turn = [
                SIMD3(
                    cos(z) * cos(y) - sin(z) * sin(x) * sin(y), sin(z) * cos(y) + cos(z) * sin(x) * sin(y),
                    -cos(x) * sin(y)),
                SIMD3(-sin(z) * cos(x), cos(z) * cos(x), sin(x)),
                SIMD3(
                    cos(z) * sin(y) + sin(z) * sin(x) * cos(y), sin(z) * sin(y) - cos(z) * sin(x) * cos(y),
                    cos(x) * cos(y)),
            ]
            func turned(_ by: [SIMD3<Double>], _ point: SIMD3<Double>) -> SIMD3<Double> {
                by[0] * point.x + by[1] * point.y + by[2] * point.z
            }
            let parent = parents[joint]
            if parent < 0 {
                places.append(SIMD3(numbers[0], numbers[1], numbers[2]))
                turns.append(turn)
            } else {
                places.append(places[parent] + turned(turns[parent], offsets[joint]))
                turns.append(turn.map { turned(turns[parent], $0) })
            }
        }
        return Dictionary(uniqueKeysWithValues: zip(names, places))
    }
}

@Suite("Skeletons of keypoints")
struct SkeletonTests {
    private static let joints: [(String, [String])] = [
        ("Hips", ["left_hip", "right_hip"]), ("Chest", ["left_shoulder", "right_shoulder"]),
        ("Head", ["left_ear", "right_ear"]), ("LeftUpLeg", ["left_hip"]), ("LeftLeg", ["left_knee"]),
        ("LeftFoot", ["left_ankle"]), ("RightUpLeg", ["right_hip"]), ("RightLeg", ["right_knee"]),
        ("RightFoot", ["right_ankle"]), ("LeftArm", ["left_shoulder"]), ("LeftForeArm", ["left_elbow"]),
        ("LeftHand", ["left_wrist"]), ("RightArm", ["right_shoulder"]), ("RightForeArm", ["right_elbow"]),
        ("RightHand", ["right_wrist"]),
    ]

    /// A figure with bones of fixed lengths that turns over while it flails: all limbs pass through every direction.
    private static func figure(_ time: Float) -> [SIMD3<Float>] {
        func turned(_ v: SIMD3<Float>, _ a: Float, _ b: Float) -> SIMD3<Float> {
            let once = SIMD3(v.x * cos(a) - v.y * sin(a), v.x * sin(a) + v.y * cos(a), v.z)
            return SIMD3(once.x, once.y * cos(b) - once.z * sin(b), once.y * sin(b) + once.z * cos(b))
        }
        func body(_ v: SIMD3<Float>) -> SIMD3<Float> { turned(v, 2.1 * time, 1.3 * time) }
        func limb(_ v: SIMD3<Float>, _ phase: Float) -> SIMD3<Float> {
            turned(v, 3 * time + phase, 2.3 * time - phase)
        }
        var points: [String: SIMD3<Float>] = [:]
        for (side, sign) in [("left", Float(1)), ("right", -1)] {
            points["\(side)_hip"] = body(SIMD3(0.12 * sign, 0, 0))
            points["\(side)_shoulder"] = body(SIMD3(0.2 * sign, -0.5, 0.02))
            points["\(side)_ear"] = body(SIMD3(0.08 * sign, -0.75, 0))
            points["\(side)_knee"] = points["\(side)_hip"]! + limb(SIMD3(0, 0.42, 0), sign)
            points["\(side)_ankle"] = points["\(side)_knee"]! + limb(SIMD3(0, 0.4, 0.05), 2 * sign)
            points["\(side)_foot_index"] = points["\(side)_ankle"]! + limb(SIMD3(0, 0.05, -0.15), 3 * sign)
            points["\(side)_elbow"] = points["\(side)_shoulder"]! + limb(SIMD3(0.28 * sign, 0, 0), 1)
            points["\(side)_wrist"] = points["\(side)_elbow"]! + limb(SIMD3(0.25 * sign, 0, 0.1), 2)
            points["\(side)_index"] = points["\(side)_wrist"]! + limb(SIMD3(0.1 * sign, 0, 0), 4)
            points["\(side)_pinky"] = points["\(side)_wrist"]! + limb(SIMD3(0.08 * sign, 0.05, 0), 4)
        }
        points["nose"] = body(SIMD3(0, -0.73, -0.11))
        return Skeleton.blazepose33.keypoints.map { points[$0] ?? .zero }
    }

    @Test("Forward kinematics of a figure whose bones keep their lengths gives back its joints, whatever its pose")
    func forwardKinematics() throws {
        var recording = try MemoryRecording("gym")
        let poses = (0..<200).map { Self.figure(Float($0) / 10) }
        recording.outcomes = poses.enumerated().map { place, points in
            let person = Person(
                trackID: 4, score: 1, bbox: BoundingBox(x: 0, y: 0, width: 9, height: 9),
                keypoints2D: points.map { SIMD3($0.x, $0.y, 1) }, keypoints3D: points)
            return Scenes.frame(recording, UInt64(place), persons: [person], skeleton: .blazepose33)
        }
        let scratch = try Scratch()
        _ = try export([recording], as: .bvh, to: scratch.file("out"))
        let motion = try Motion(scratch.file("out/gym-4.bvh"))
        #expect(motion.frames.count == 200)
        var worst = (distance: 0.0, joint: "", frame: 0)
        for (frame, points) in poses.enumerated() {
            let places = motion.places(frame)
            for (joint, names) in Self.joints {
                let indices = names.map { name in Skeleton.blazepose33.keypoints.firstIndex(of: name)! }
                let middle = indices.reduce(SIMD3<Float>.zero) { $0 + points[$1] } / Float(names.count)
                let off =
                    try #require(places[joint]) - SIMD3(Double(middle.x), -Double(middle.y), -Double(middle.z))
                let distance = (off * off).sum().squareRoot()
                if !(distance <= worst.distance) { worst = (distance, joint, frame) }
            }
        }
        #expect(worst.distance < 1e-4, "\(worst.joint) in frame \(worst.frame)")
    }

    @Test("No channel jumps where the pose does not")
    func continuity() throws {
        var recording = try MemoryRecording("gym")
        recording.outcomes = (0..<2000).map { place in
            let points = Self.figure(Float(place) / 1000)
            let person = Person(
                trackID: 1, score: 1, bbox: BoundingBox(x: 0, y: 0, width: 9, height: 9), keypoints2D: [],
                keypoints3D: points)
            return Scenes.frame(recording, UInt64(place), persons: [person], skeleton: .blazepose33)
        }
        let scratch = try Scratch()
        _ = try export([recording], as: .bvh, to: scratch.file("out"))
        let motion = try Motion(scratch.file("out/gym-1.bvh"))
        // A full turn of a channel would be 360°. Near the pole of the angles they may be fast, but do not jump.
        let jumps = zip(motion.frames, motion.frames.dropFirst()).map { zip($0, $1).map { abs($0 - $1) }.max() ?? 0 }
        #expect((jumps.max() ?? 360) < 170)
    }
}
