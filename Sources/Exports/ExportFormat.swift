/// The forms in which recordings are written for other programs.
package enum ExportFormat: String, CaseIterable, Sendable {
    case json, csv, obj, ply

    /// What a format cannot do without.
    package enum Need: String, Sendable {
        /// Persons with SMPL parameters, which engine `hmr2` gives.
        case smpl
        /// SMPL's own files.
        case body
        /// The pictures: kept frames, or the original video.
        case frames
    }

    /// What one call writes.
    package enum Shape: Sendable {
        /// One file for all recordings.
        case file
        /// One file for each recording: a file where there is one recording, a folder of them otherwise.
        case filePerRecording
        /// A folder of files.
        case folder
    }

    /// What is written.
    package var shape: Shape {
        switch self {
        case .json, .csv: .file
        case .obj, .ply: .folder
        }
    }

    /// Whether even one recording makes a folder, which whoever sends it as one file has to pack.
    package var isFolder: Bool { shape == .folder }

    /// The extension of the files, without the dot.
    package var fileExtension: String {
        switch self {
        case .json: "jsonl"
        default: rawValue
        }
    }

    /// The media type of one file.
    package var mediaType: String {
        switch self {
        case .json: "application/x-ndjson"
        case .csv: "text/csv"
        case .obj: "model/obj"
        case .ply: "application/octet-stream"
        }
    }

    /// What the recordings and the machine must have.
    package var needs: [Need] {
        switch self {
        case .json, .csv: []
        case .obj, .ply: [.smpl, .body]
        }
    }

    /// What it is, in one sentence.
    package var summary: String {
        switch self {
        case .json: "Every outcome as a line of JSON, drops included, exactly as subscribers receive them."
        case .csv:
            "A table, one row a person of each frame; frames without a person, and drops, have one row."
        case .obj: "One mesh for each person of each frame (Wavefront OBJ)."
        case .ply: "One mesh for each person of each frame (Stanford PLY, binary)."
        }
    }
}
