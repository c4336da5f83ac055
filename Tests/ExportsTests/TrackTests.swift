import Checkpoints
import Exports
import Foundation
import Messages
import Testing

@Suite("A person from the first frame to the last")
struct TrackTests {
    private func arrays(_ recording: MemoryRecording, _ scratch: Scratch, track: UInt32 = 1) throws -> NumpyArchive {
        let summary = try export([recording], as: .npz, to: scratch.file("out"))
        #expect(summary.files >= 1)
        return try NumpyArchive(contentsOf: scratch.file("out/\(recording.stream)-\(track).npz"))
    }

    private func flags(_ archive: NumpyArchive, _ name: String) throws -> [Int] {
        try archive.array(name).integers()
    }

    @Test(
        "Frames in which nothing is known of a person are filled half way and marked; what was expected is marked too")
    func gaps() throws {
        var recording = try MemoryRecording("yard")
        let drop = Drop(stage: .ingest, reason: .corruptJPEG)
        recording.outcomes = [
            Scenes.frame(recording, 0),
            Scenes.frame(recording, 1, persons: [Scenes.body(1, turn: 0, x: 0)]),
            Scenes.frame(recording, 2, drop: drop),
            Scenes.frame(recording, 3, persons: [Scenes.body(1, turn: 1, x: 1)]),
            Scenes.frame(recording, 4, persons: [Scenes.body(1, turn: 1, x: 1, observed: false)]),
            Scenes.frame(recording, 5),
        ]
        let archive = try arrays(recording, Scratch())
        #expect(try flags(archive, "posebus_sequence") == [1, 2, 3, 4])
        #expect(try flags(archive, "posebus_observed") == [1, 0, 1, 0])
        #expect(try flags(archive, "posebus_filled") == [0, 1, 0, 0])
        let poses = try archive.array("poses").doubles()
        #expect(poses.count == 4 * 156)
        // The left elbow is joint 18.
        for (row, angle) in [0, 0.5, 1, 1].enumerated() { #expect(abs(poses[156 * row + 54] - angle) < 1e-6) }
        let trans = try archive.array("trans").doubles()
        for (row, x) in [0, 0.5, 1, 1].enumerated() { #expect(abs(trans[3 * row] - x) < 1e-6) }
        // The camera's forward is the world's y, its down the world's -z: the pelvis stays where it is seen.
        // It is seen at (0, -0.1, 4.03), and lies at (0, -0.2, 0.03) in the body.
        #expect(abs(trans[1] - 4.23) < 1e-5 && abs(trans[2] - 0.07) < 1e-5)
    }

    @Test(
        "The rate is that of the capture times, pauses left out, and whole where only the clock's rounding speaks against it",
        arguments: [
            ([0, 40, 80, 120], 25.0), ([0, 33.366, 66.733, 100.1], 29.97), ([0, 33.3333, 66.6667, 100, 133.3333], 30),
            ([0, 40, 80, 5080, 5120, 5160, 5200], 25), ([0, 0, 0], 30), ([7], 30),
        ] as [([Double], Double)])
    func rate(times: [Double], expected: Double) throws {
        var recording = try MemoryRecording("yard")
        recording.outcomes = times.enumerated().map { place, time in
            Scenes.frame(recording, UInt64(place), milliseconds: time, persons: [Scenes.body(1, turn: 0, x: 0)])
        }
        let rate = try arrays(recording, Scratch()).array("mocap_frame_rate").doubles()
        #expect(abs(rate[0] - expected) < 0.001)
        if expected == expected.rounded() { #expect(rate[0] == expected) }
    }

    @Test("Persons whose numbers are none, or too few, are left out and counted")
    func damaged() throws {
        var recording = try MemoryRecording("yard")
        var short = Scenes.body(2, turn: 0, x: 0)
        short.smpl?.betas = [1]
        var none = Scenes.body(3, turn: 0, x: 0)
        none.smpl?.bodyPose[5] = .nan
        recording.outcomes = [
            Scenes.frame(recording, 0, persons: [Scenes.body(1, turn: 0, x: 0), short, none])
        ]
        let scratch = try Scratch()
        let summary = try export([recording], as: .npz, to: scratch.file("out"))
        #expect(summary.files == 1 && summary.notes == ["2 persons without a body are left out"])
        #expect(try scratch.names("out") == ["yard-1.npz"])
        recording.outcomes[0].persons.removeFirst()
        let error = #expect(throws: ExportError.self) {
            try export([recording], as: .npz, to: scratch.file("nothing"))
        }
        #expect(error?.description.contains("none of the 2 persons has a body") == true)
        #expect(try scratch.names() == ["out"])
    }

    @Test("A second session of a stream has names of its own")
    func sessions() throws {
        var (one, other) = (try MemoryRecording("yard"), try MemoryRecording("yard"))
        one.outcomes = [Scenes.frame(one, 0, persons: [Scenes.body(1, turn: 0, x: 0)])]
        other.outcomes = [Scenes.frame(other, 0, persons: [Scenes.body(1, turn: 0, x: 0)])]
        let scratch = try Scratch()
        _ = try export([one, other], as: .npz, to: scratch.file("npz"))
        #expect(try scratch.names("npz") == ["yard-1.npz", "yard-2-1.npz"])
        _ = try export([one, other], as: .phalp, to: scratch.file("phalp"))
        #expect(try scratch.names("phalp") == ["yard-2.pkl", "yard.pkl"])
        _ = try export([one], as: .phalp, to: scratch.file("one.pkl"))
        #expect(try scratch.names() == ["npz", "one.pkl", "phalp"])
    }

    @Test("Only the chosen person is written")
    func chosen() throws {
        var recording = try MemoryRecording("yard")
        recording.outcomes = [
            Scenes.frame(recording, 0, persons: [Scenes.body(1, turn: 0, x: 0), Scenes.body(2, turn: 0, x: 1)])
        ]
        let scratch = try Scratch()
        _ = try export([recording], as: .npz, to: scratch.file("out"), options: ExportOptions(track: 2))
        #expect(try scratch.names("out") == ["yard-2.npz"])
    }
}
