package import Foundation
internal import Messages

/// Writes recordings for other programs.
///
/// - Parameters:
///   - recordings: in the order in which they are to stand.
///   - url: the file, or the folder: see `ExportFormat.shape`. `/dev/stdout` is this process' standard output.
///   - progress: is told from time to time how many outcomes are done.
/// - Throws: `ExportError`; what the recordings, the body model or the video throw.
package func export(
    _ recordings: [any Recording], as format: ExportFormat, to url: URL, options: ExportOptions = ExportOptions(),
    progress: @escaping (Int) -> Void = { _ in }
) throws -> ExportSummary {
    guard !recordings.isEmpty || format.shape == .file else {
        throw ExportError(.unavailable, "there is no session that could be written")
    }
    let run = ExportRun(recordings, format: format, url: url, options: options, progress: progress)
    do {
        switch format {
        case .json: try run.writeJSON()
        case .csv: try run.writeTable()
        case .npz: try run.writeAMASS()
        case .bvh: try run.writeBVH()
        case .glb: try run.writeGLB()
        case .obj, .ply: try run.writeMeshes()
        case .openpose: try run.writeOpenPose()
        case .coco: try run.writeCOCO()
        case .phalp: try run.writePHALP()
        case .mp4: try run.writeVideo()
        }
    } catch {
        // A folder in which nothing was written says nothing; this leaves any other as it is.
        if run.hasMadeFolder { rmdir(url.path) }
        throw error
    }
    return run.summary
}

/// One export: what the formats share.
final class ExportRun {
    let recordings: [any Recording]
    let format: ExportFormat
    let url: URL
    let options: ExportOptions
    var summary = ExportSummary()
    private(set) var hasMadeFolder = false
    private let progress: (Int) -> Void

    init(
        _ recordings: [any Recording], format: ExportFormat, url: URL, options: ExportOptions,
        progress: @escaping (Int) -> Void
    ) {
        self.recordings = recordings
        self.format = format
        self.url = url
        self.options = options
        self.progress = progress
    }

    /// Walks a recording; persons other than the chosen one are left out.
    ///
    /// - Parameter isCounted: false for a walk before the one that writes.
    func walk(_ recording: any Recording, isCounted: Bool = true, _ body: (Outcome) throws -> Void) throws {
        try recording.forEachOutcome { outcome in
            if let track = options.track {
                var chosen = outcome
                chosen.persons = outcome.persons.filter { $0.trackID == track }
                try body(chosen)
            } else {
                try body(outcome)
            }
            guard isCounted else { return }
            summary.outcomes += 1
            if summary.outcomes.isMultiple(of: 100) { progress(summary.outcomes) }
        }
    }

    /// A name for each recording that files can begin with: its stream; a second session of a stream gets `-2` and so on.
    var names: [String] {
        var runs: [StreamName: Int] = [:]
        return recordings.map { recording in
            runs[recording.stream, default: 0] += 1
            let run = runs[recording.stream] ?? 1
            return run == 1 ? "\(recording.stream)" : "\(recording.stream)-\(run)"
        }
    }

    /// The folder to write to, made if it is not there.
    func folder() throws -> URL {
        hasMadeFolder = hasMadeFolder || !FileManager.default.fileExists(atPath: url.path)
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            throw ExportError(
                .inputOutput, "the folder \(url.path) cannot be made: \(error.localizedDescription)")
        }
        return url
    }

    /// Writes one whole file.
    func write(_ bytes: some Collection<UInt8>, to url: URL) throws {
        let file = try ExportFile(url)
        try file.write(bytes)
        try file.close()
        summary.files += 1
    }

    /// How the sessions are called in a message.
    var description: String {
        recordings.count == 1 ? "session \(recordings[0].session)" : "the \(recordings.count) sessions"
    }
}
