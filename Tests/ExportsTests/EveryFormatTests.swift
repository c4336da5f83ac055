import Checkpoints
import Exports
import Foundation
import Messages
import Testing

@Suite("Every format")
struct EveryFormatTests {
    /// Those that need no pictures.
    private static let formats = ExportFormat.allCases.filter { !$0.needs.contains(.frames) }

    @Test("A recording in which nobody is, in which all is dropped, or which is empty is written, or refused in words")
    func nobody() throws {
        let recording = try MemoryRecording("yard")
        let drop = Drop(stage: .infer, reason: .inferenceFailed, detail: "“quoted”, with a comma")
        let contents: [[Outcome]] = [
            [], [Scenes.frame(recording, 0), Scenes.frame(recording, 1)], [Scenes.frame(recording, 0, drop: drop)],
        ]
        for outcomes in contents {
            for format in Self.formats where !format.needs.contains(.body) {
                var recording = recording
                recording.outcomes = outcomes
                let scratch = try Scratch()
                let url = scratch.file("out.\(format.fileExtension)")
                let summary = try export([recording], as: format, to: url)
                #expect(summary.outcomes == outcomes.count, "\(format)")
                #expect(FileManager.default.fileExists(atPath: url.path), "\(format)")
            }
        }
    }

    @Test("Keypoints that are no numbers do not spoil a file")
    func notNumbers() throws {
        var recording = try MemoryRecording("a, \"b\"")
        var person = Scenes.body(1, turn: 0, x: 0)
        person.keypoints2D[0] = SIMD3(.nan, .infinity, 0.5)
        person.keypoints3D[3] = SIMD3(.nan, 0, 0)
        recording.outcomes = [Scenes.frame(recording, 0, persons: [person, Scenes.body(2, turn: 0, x: 0)])]
        for format in Self.formats where !format.needs.contains(.body) {
            let scratch = try Scratch()
            _ = try export([recording], as: format, to: scratch.file("out"))
            if format == .coco {
                let json = try JSONSerialization.jsonObject(with: Data(contentsOf: scratch.file("out")))
                let annotations = (json as? [String: Any])?["annotations"] as? [[String: Any]]
                #expect(annotations?.count == 2)
                #expect((annotations?.first?["keypoints"] as? [Double])?.prefix(3) == [0, 0, 0])
            }
            if format == .bvh {
                #expect(try scratch.names("out") == ["a, \"b\"-2.bvh"])
            }
        }
    }

    @Test("PHALP's dictionary is a pickle with a frame each, and only persons whom the tracker came to confirm")
    func phalp() throws {
        var recording = try MemoryRecording("yard")
        recording.outcomes = [
            Scenes.frame(
                recording, 0,
                persons: [
                    Scenes.body(1, turn: 0, x: 0, state: .tentative), Scenes.body(9, turn: 0, x: 0, state: .tentative),
                ]),
            Scenes.frame(recording, 1, persons: [Scenes.body(1, turn: 0, x: 0)]),
            Scenes.frame(recording, 2, persons: [Scenes.body(1, turn: 0, x: 0, observed: false)]),
            Scenes.frame(recording, 3, persons: [Scenes.body(1, turn: 0, x: 0, observed: false)]),
        ]
        let scratch = try Scratch()
        _ = try export([recording], as: .phalp, to: scratch.file("out.pkl"))
        let root = try PickleFile(contentsOf: scratch.file("out.pkl")).root
        let frames = try #require(root.entries)
        #expect(frames.count == 4)
        #expect(frames[0].key.string == "yard/000000000000.jpg")
        for (place, frame) in frames.enumerated() {
            let value = frame.value
            #expect(value["time"]?.integer == place)
            #expect(value["tid"]?.elements?.map(\.integer) == [1])
            #expect(value["tracked_time"]?.elements?.map(\.integer) == [max(0, place - 1)])
            #expect(value["tracked_ids"]?.elements?.count == (place < 2 ? 1 : 0))
            let body = try #require(value["smpl"]?.elements?.first)
            #expect(try body["body_pose"]?.array().shape == [23, 3, 3])
            #expect(try body["betas"]?.array().floats() == (0..<10).map { Float($0) / 10 })
            #expect(try value["3d_joints"]?.elements?.first?.array().shape == [45, 3])
        }
    }

    @Test("Somebody who comes and goes has no size before and after, and times are those of the frames")
    func presence() throws {
        var recording = try MemoryRecording("yard")
        recording.outcomes = (0..<8).map { frame in
            var persons = [Scenes.body(1, turn: 0, x: 0)]
            if 2...4 ~= frame { persons.append(Scenes.body(2, turn: Float(frame), x: 1)) }
            return Scenes.frame(recording, UInt64(frame), milliseconds: Double(100 * frame), persons: persons)
        }
        let scratch = try Scratch()
        _ = try export([recording], as: .glb, to: scratch.file("out.glb"))
        let scene = try Scene(scratch.file("out.glb"))
        let presence = scene.channels.filter { $0.path == "scale" }
        #expect(presence.count == 1)
        let channel = try #require(presence.first)
        #expect(scene.nodes[channel.node]["name"] as? String == "person 2")
        #expect(channel.interpolation == "STEP")
        #expect(scene.floats(channel.input) == [0, 0.2, 0.5])
        #expect(scene.floats(channel.output) == [0, 0, 0, 1, 1, 1, 0, 0, 0])
        let moves = scene.channels.filter { $0.path == "translation" }
        #expect(moves.map { scene.floats($0.input).count } == [8, 3])
        #expect(zip(scene.floats(moves[1].input), [0.2, 0.3, 0.4]).allSatisfy { abs($0 - $1) < 1e-6 })
        // Quaternions that follow one another lie on one side: a reader goes straight between them.
        for channel in scene.channels where channel.path == "rotation" {
            let values = scene.floats(channel.output)
            for first in stride(from: 4, to: values.count, by: 4) {
                #expect((0..<4).reduce(0) { $0 + values[first + $1] * values[first - 4 + $1] } >= 0)
            }
        }
    }

    @Test("Without a session there is nothing to write but an empty list")
    func noSession() throws {
        for format in Self.formats {
            let scratch = try Scratch()
            if format.shape == .file {
                #expect(try export([], as: format, to: scratch.file("out")).outcomes == 0)
            } else {
                #expect(throws: ExportError.self) { try export([], as: format, to: scratch.file("out")) }
                #expect(try scratch.names().isEmpty)
            }
        }
    }

    @Test("A zip archive holds every file of a folder as it is")
    func archive() throws {
        let scratch = try Scratch()
        let folder = scratch.file("folder")
        try FileManager.default.createDirectory(at: folder.appending(path: "in"), withIntermediateDirectories: true)
        let large = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try large.write(to: folder.appending(path: "in/large.bin"))
        try Data("Größe".utf8).write(to: folder.appending(path: "ä.txt"))
        try zip(folder: folder, to: scratch.file("folder.zip"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.unpack, scratch.file("folder.zip").path, scratch.file("out").path]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(try Data(contentsOf: scratch.file("out/in/large.bin")) == large)
        #expect(try String(contentsOf: scratch.file("out/ä.txt"), encoding: .utf8) == "Größe")
    }

    private static let unpack = """
        import sys, zipfile
        archive = zipfile.ZipFile(sys.argv[1])
        assert archive.testzip() is None and len(archive.namelist()) == 2
        archive.extractall(sys.argv[2])
        """
}
