/// The forms in which recordings are written for other programs.
package enum ExportFormat: String, CaseIterable, Sendable {
    case json, csv, npz, bvh, glb, obj, ply, openpose, coco, phalp, mp4

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
        case .json, .csv, .coco: .file
        case .glb, .phalp, .mp4: .filePerRecording
        case .npz, .bvh, .obj, .ply, .openpose: .folder
        }
    }

    /// Whether even one recording makes a folder, which whoever sends it as one file has to pack.
    package var isFolder: Bool { shape == .folder }

    /// The extension of the files, without the dot.
    package var fileExtension: String {
        switch self {
        case .json: "jsonl"
        case .openpose, .coco: "json"
        case .phalp: "pkl"
        default: rawValue
        }
    }

    /// The media type of one file.
    package var mediaType: String {
        switch self {
        case .json: "application/x-ndjson"
        case .csv: "text/csv"
        case .npz: "application/x-npz"
        case .bvh: "text/plain"
        case .glb: "model/gltf-binary"
        case .obj: "model/obj"
        case .ply: "application/octet-stream"
        case .openpose, .coco: "application/json"
        case .phalp: "application/octet-stream"
        case .mp4: "video/mp4"
        }
    }

    /// What the recordings and the machine must have.
    package var needs: [Need] {
        switch self {
        case .json, .csv, .bvh, .glb, .openpose, .coco: []
        case .npz, .phalp: [.smpl]
        case .obj, .ply: [.smpl, .body]
        case .mp4: [.frames]
        }
    }

    /// What it is, in one sentence.
    package var summary: String {
        switch self {
        case .json: "Every outcome as a line of JSON, as subscribers receive them."
        case .csv: "A table, one row for each person of each frame."
        case .npz: "AMASS's arrays, one file a person: NumPy, Blender's SMPL add-on."
        case .bvh: "A moving skeleton, one file a person: Blender, MotionBuilder."
        case .glb: "One animated scene (glTF 2.0): skinned bodies, or skeletons."
        case .obj: "One mesh for each person of each frame (Wavefront OBJ)."
        case .ply: "One mesh for each person of each frame (Stanford PLY, binary)."
        case .openpose: "One JSON file a frame, as OpenPose writes them (BODY_25)."
        case .coco: "COCO's keypoint annotations, 17 keypoints: pycocotools."
        case .phalp: "The dictionary of frames that PHALP writes: joblib, pickle."
        case .mp4: "The video with skeletons, bodies and identities drawn in."
        }
    }
}
