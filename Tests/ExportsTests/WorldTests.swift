import Checkpoints
import Exports
import Foundation
import Messages
import Testing

@Suite("World coordinates")
struct WorldTests {
    private func pose(_ json: String, _ scratch: Scratch) throws -> CameraPose {
        try Data(json.utf8).write(to: scratch.file("pose.json"))
        return try CameraPose(contentsOf: scratch.file("pose.json"))
    }

    /// Where the pelvis is in each line of a JSON export.
    private func pelvises(_ recording: MemoryRecording, _ pose: CameraPose, _ scratch: Scratch) throws -> [[Double]] {
        _ = try export([recording], as: .json, to: scratch.file("out"), options: ExportOptions(cameraPose: pose))
        return try String(contentsOf: scratch.file("out"), encoding: .utf8).split(separator: "\n").map { line in
            let outcome = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            let person = (outcome?["persons"] as? [[String: Any]])?.first
            return (person?["keypoints_3d_world"] as? [[Double]])?[8] ?? []
        }
    }

    @Test("A camera that moves is interpolated between the frames that are known, and held outside of them")
    func moving() throws {
        let scratch = try Scratch()
        // A quarter turn about the vertical, and 8 m along x, from frame 1 to frame 3.
        let pose = try pose(
            """
            {"up": "-y", "frames": [
                {"sequence": 3, "rotation": [[0, 0, 1], [0, 1, 0], [-1, 0, 0]], "translation": [8, 0, 0]},
                {"sequence": 1, "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "translation": [0, 0, 0]}]}
            """, scratch)
        var recording = try MemoryRecording("yard")
        recording.outcomes = (0..<5).map {
            Scenes.frame(recording, UInt64($0), persons: [Scenes.body(1, turn: 0, x: 0)])
        }
        // It is seen at (0, -0.1, 4.03).
        let half = 4.03 * 0.5.squareRoot()
        let wanted = [
            [0, -0.1, 4.03], [0, -0.1, 4.03], [4 + half, -0.1, half], [12.03, -0.1, 0], [12.03, -0.1, 0],
        ]
        let found = try pelvises(recording, pose, scratch)
        #expect(found.count == 5)
        for (one, other) in zip(found, wanted) {
            #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-3 }, "\(one) \(other)")
        }
    }

    @Test("Whichever way the world's up points, AMASS's is z", arguments: ["z", "y", "-y"])
    func up(axis: String) throws {
        let scratch = try Scratch()
        let up = ["z": [0, 0, 1], "y": [0, 1, 0], "-y": [0, -1, 0]][axis]!
        // The camera stands 2 m above the ground and looks along one of its directions, upright.
        let forward = axis == "z" ? [0, 1, 0] : [0, 0, 1]
        let down = up.map { -$0 }
        let right = [
            down[1] * forward[2] - down[2] * forward[1], down[2] * forward[0] - down[0] * forward[2],
            down[0] * forward[1] - down[1] * forward[0],
        ]
        let rows = (0..<3).map { [right[$0], down[$0], forward[$0], 2 * up[$0]] } + [[0, 0, 0, 1]]
        let pose = try pose("{\"up\": \"\(axis)\", \"camera_to_world\": \(rows)}", scratch)
        var recording = try MemoryRecording("yard")
        recording.outcomes = [Scenes.frame(recording, 0, persons: [Scenes.body(1, turn: 0, x: 0)])]
        _ = try export([recording], as: .npz, to: scratch.file("out"), options: ExportOptions(cameraPose: pose))
        let trans = try NumpyArchive(contentsOf: scratch.file("out/yard-1.npz")).array("trans").doubles()
        // The pelvis is 0.1 m above the camera's axis; AMASS counts from where it is at rest, 0.03 along z.
        #expect(abs(trans[2] - (2.1 - 0.03)) < 1e-5)
    }
}
