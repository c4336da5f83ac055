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
