internal import ArgumentParser
internal import Checkpoints
internal import Foundation
internal import Stage
internal import Weights

/// Gets HMR2's files as 4D-Humans publishes them and puts them where 4D-Humans would.
struct HMR2Fetcher {
    let folder: HMR2Folder
    /// What the archive must have, lower-case hexadecimal; nil accepts any and says what it was.
    let sha256: String?

    /// Where 4D-Humans' own code gets it. Source: 4D-Humans `hmr2/models/__init__.py`, `download_models`.
    static let official = "https://people.eecs.berkeley.edu/~jathushan/projects/4dhumans/hmr2_data.tar.gz"

    /// Fetches an archive from a URL, or takes the one in a file, and unpacks it.
    func fetch(from source: String) throws {
        try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
        guard source.contains("://") else { return try install(URL(fileURLWithPath: source)) }
        let part = folder.url.appendingPathComponent(".hmr2_data.tar.gz.part")
        try download(source, to: part)
        do {
            try install(part)
        } catch {
            // A whole download that is of no use would be taken for one to go on with.
            try? FileManager.default.removeItem(at: part)
            throw error
        }
        try? FileManager.default.removeItem(at: part)
    }

    private func download(_ source: String, to part: URL) throws {
        let had = Self.size(part)
        printError(
            had > 0
                ? "Going on with \(source) after \(had >> 20) MB"
                : "Fetching \(source) (the official archive has 2.5 GB)")
        for isLast in [false, true] {
            let (status, code) = try curl(source, to: part)
            if status == 0 { return }
            // 416: nothing is left to be sent.
            if code == "416", Self.size(part) > 0 { return }
            // 33: the server cannot go on in the middle.
            if status == 33, !isLast {
                printError("The server cannot go on where the last attempt stopped: from the beginning")
                try? FileManager.default.removeItem(at: part)
                continue
            }
            let kept = Self.size(part)
            throw StageFailure(
                "\(source) could not be downloaded (curl's status \(status), HTTP \(code)). "
                    + (kept > 0
                        ? "\(kept >> 20) MB of it are kept: the same command goes on from there"
                        : "Check the address and the network, or download it otherwise and give it with --from FILE"),
                exitCode: .unavailable)
        }
    }

    /// curl's exit status and HTTP's.
    private func curl(_ source: String, to part: URL) throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "curl", "--fail", "--location", "--continue-at", "-", "--retry", "3", "--connect-timeout", "20",
            "--speed-limit", "1000", "--speed-time", "60", "--write-out", "%{http_code}", "--output", part.path,
        ]
        // The bar is for a person; a log gets errors alone.
        process.arguments? += isatty(STDERR_FILENO) == 1 ? ["--progress-bar"] : ["--silent", "--show-error"]
        process.arguments? += ["--", source]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let code = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus != 127 else {
            throw StageFailure("curl is missing: apt-get install curl", exitCode: .unavailable)
        }
        return (process.terminationStatus, code)
    }

    private func install(_ archive: URL) throws {
        try checkDigest(of: archive)
        let work = folder.url.appendingPathComponent(".unpacking-\(getpid())")
        try? FileManager.default.removeItem(at: work)
        try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: work) }
        let progress = ProgressLine()
        let files = try TarArchive(archive).unpack(into: work) {
            progress.update("unpacking \(archive.lastPathComponent): \(Int($0 * 100)) %")
        }
        progress.clear()
        // As it is published the archive holds `data` and `logs`; one that was packed with the folder around them is as good.
        guard let root = Self.root(files) else {
            throw StageFailure(
                "\(archive.path) holds no logs/train/multiruns/hmr2/0/model_config.yaml: it is not the archive of HMR2",
                exitCode: .failure)
        }
        for file in files where file.hasPrefix(root) {
            let target = folder.url.appendingPathComponent(String(file.dropFirst(root.count)))
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            guard rename(work.appendingPathComponent(file).path, target.path) == 0 else {
                throw StageFailure(
                    "\(target.path) cannot be put in place: \(String(cString: strerror(errno)))",
                    exitCode: .cannotCreate)
            }
        }
    }

    private func checkDigest(of archive: URL) throws {
        let data: Data
        do {
            data = try Data(contentsOf: archive, options: .alwaysMapped)
        } catch {
            throw StageFailure("\(archive.path) cannot be read: \(error.localizedDescription)", exitCode: .failure)
        }
        let digest = data.withUnsafeBytes { SHA256.hexDigest(of: $0) }
        guard let sha256, sha256 != digest else {
            printError(
                "SHA-256 \(digest)\(sha256 == nil ? " (its publishers name none to compare it with)" : ": as expected")"
            )
            return
        }
        throw StageFailure(
            "\(archive.path) has the SHA-256 \(digest), not \(sha256): it was altered or damaged on its way",
            exitCode: .failure)
    }

    private static func root(_ files: [String]) -> String? {
        let wanted = "logs/train/multiruns/hmr2/0/model_config.yaml"
        guard let file = files.first(where: { $0 == wanted || $0.hasSuffix("/" + wanted) }) else { return nil }
        return String(file.dropLast(wanted.count))
    }

    private static func size(_ file: URL) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int) ?? 0
    }
}

extension HMR2Folder {
    /// Puts a published SMPL file where HMR2 looks for it, once it has been read.
    ///
    /// - Throws: `CheckpointError` where it is no SMPL model, `StageFailure` where it cannot be copied.
    func add(smpl file: URL) throws {
        let model = try SMPLFile(contentsOf: file)
        guard model.vertexCount == 6890 else {
            throw StageFailure(
                "\(file.path) has \(model.vertexCount) vertices where SMPL has 6890: it may be SMPL-H, SMPL-X or a part",
                exitCode: .failure)
        }
        try FileManager.default.createDirectory(
            at: smpl.deletingLastPathComponent(), withIntermediateDirectories: true)
        let staged = smpl.deletingLastPathComponent().appendingPathComponent(".SMPL_NEUTRAL.\(getpid())")
        try? FileManager.default.removeItem(at: staged)
        try FileManager.default.copyItem(at: file, to: staged)
        guard rename(staged.path, smpl.path) == 0 else {
            throw StageFailure(
                "\(smpl.path) cannot be written: \(String(cString: strerror(errno)))", exitCode: .cannotCreate)
        }
    }
}
