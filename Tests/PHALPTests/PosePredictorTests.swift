import Checkpoints
import Foundation
import PHALP
import Tensor
import Testing
import Weights

/// Against PHALP's own code; `phalp_reference.py` in Tests/Parity says how.
@Suite("Pose predictor")
struct PosePredictorTests {
    private static let frames = [[0, 0, 0, 0, 0, 0, 0], [3, 4, 5, 6, 7, 8, 9], [10, 11, 13, 17, 20, 24, 34]]
    private static let since = [0, 2, 3]

    private static func histories() -> [PoseHistory] {
        let numbers = Fixture.noise("histories", 3 * 7 * PoseVector.count).map { $0 * 0.5 }
        return (0..<3).map { person in
            let poses = (0..<7).map { pose in
                let first = (person * 7 + pose) * PoseVector.count
                return Array(numbers[first..<(first + PoseVector.count)])
            }
            return PoseHistory(poses: poses, frames: frames[person], framesSince: since[person])
        }
    }

    @Test("Every layer is PHALP's to 1e-5")
    func layers() throws {
        try Fixture.withFolder { folder in
            let model = try PosePredictor(folder, device: .cpu, precision: .fp32)
            var names: [String] = []
            let poses = try model(Self.histories()) { name, tensor in
                names.append(name)
                let expected = try name == "tokens" ? nil : Fixture.golden(name)
                if let expected {
                    #expect(tensor.shape == expected.shape, "\(name)")
                    #expect(Fixture.distance(try tensor.floats(), try expected.floats()) < 1e-5, "\(name)")
                }
            }
            #expect(names == ["tokens", "transformer1_0", "transformer1_1", "conv_en", "conv_de", "transformer2"])
            #expect(Fixture.distance(Array(poses.joined()), try Fixture.golden("pose").floats()) < 1e-5)
        }
    }

    @Test("Asked by itself or each for its own frame, a person is given the pose that PHALP gives one alone")
    func ownFrames() throws {
        try Fixture.withFolder { folder in
            let model = try PosePredictor(folder, device: .cpu, precision: .fp32)
            let expected = try Fixture.golden("pose_own").floats()
            let together = try model(Self.histories(), reading: .ownFrame)
            #expect(Fixture.distance(Array(together.joined()), expected) < 1e-5)
            let alone = try Self.histories().flatMap { try model([$0])[0] }
            #expect(Fixture.distance(alone, expected) < 1e-5)
            #expect(try model([]).isEmpty)
            // More than are computed at once.
            let many = try model(Array(repeating: Self.histories()[1], count: 70))
            #expect(many.count == 70)
            let one = expected[PoseVector.count..<(2 * PoseVector.count)]
            #expect(Fixture.distance(many[69], Array(one)) < 1e-5)
        }
    }

    @Test("In bfloat16 a pose is off by less than a hundredth")
    func bfloat16() throws {
        try Fixture.withFolder { folder in
            let model = try PosePredictor(folder, device: .cpu, precision: .bf16)
            let poses = try model(Self.histories())
            #expect(Fixture.distance(Array(poses.joined()), try Fixture.golden("pose").floats()) < 1e-2)
        }
    }

    @Test("Mean and deviation may be an array of arrays or of numbers, as NumPy pickles them")
    func pickledStatistics() throws {
        let expected = try Fixture.golden("pose").floats()
        for name in ["objects.npy", "scalars.npy"] {
            try Fixture.withFolder({
                try Fixture.replace("3D/mean_std.npy", in: $0, by: Fixture.folder.appending(path: name))
            }) { folder in
                let poses = try PosePredictor(folder, device: .cpu, precision: .fp32)(Self.histories())
                #expect(Fixture.distance(Array(poses.joined()), expected) < 1e-5, "\(name)")
            }
        }
    }

    @Test("Poses are laid out by their frames; of one frame the last counts, and what is too late is at the end")
    func windows() throws {
        func poses(_ count: Int) -> [[Float]] {
            (0..<count).map { Array(repeating: Float($0), count: PoseVector.count) }
        }
        func window(_ frames: [Int], _ since: Int) throws -> PoseWindow {
            try PoseWindow(PoseHistory(poses: poses(frames.count), frames: frames, framesSince: since), length: 25)
        }
        let new = try window([5, 5, 5], 0)
        #expect(new.frames == [0] && new.poses == [poses(3)[2]] && new.asked == 1)
        let gaps = try window([7, 8, 12], 4)
        #expect(gaps.frames == [0, 1, 5] && gaps.asked == 10)
        let late = try window([0, 30, 50], 0)
        #expect(late.frames == [0, 24] && late.poses == [poses(3)[0], poses(3)[2]] && late.asked == 24)
    }

    @Test("A history that cannot be is refused")
    func badHistories() throws {
        let pose = [Float](repeating: 0, count: PoseVector.count)
        let bad = [
            PoseHistory(poses: [], frames: [], framesSince: 0),
            PoseHistory(poses: [pose], frames: [1, 2], framesSince: 0),
            PoseHistory(poses: [[1, 2]], frames: [1], framesSince: 0),
            PoseHistory(poses: [pose, pose], frames: [2, 1], framesSince: 0),
            PoseHistory(poses: [pose], frames: [1], framesSince: -1),
        ]
        for history in bad {
            #expect(throws: TorchError.self) { try PoseWindow(history, length: 25) }
        }
        try Fixture.withFolder { folder in
            let model = try PosePredictor(folder, device: .cpu, precision: .fp32)
            let damaged = PoseHistory(poses: [pose.map { $0 + .nan }], frames: [0], framesSince: 0)
            let error = #expect(throws: TorchError.self) { try model([damaged]) }
            #expect(error?.message.contains("no number") == true)
        }
    }

    @Test func aVectorIsPutTogetherAsPHALPDoes() {
        let vector = PoseVector.make(
            globalOrient: Array(repeating: 1, count: 9), bodyPose: Array(repeating: 2, count: 207),
            betas: Array(repeating: 3, count: 10), translation: SIMD3(4, 5, 600))
        #expect(vector[8] == 1 && vector[9] == 2 && vector[216] == 3 && vector.suffix(3) == [4, 5, 3])
    }
}
