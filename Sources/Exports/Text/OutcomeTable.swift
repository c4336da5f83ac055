internal import Foundation
internal import Messages

/// Outcomes as rows of a CSV table (RFC 4180), one a person.
struct OutcomeTable {
    private let keypoints: [String]

    /// A table with columns for a skeleton's keypoints.
    init(_ skeleton: Skeleton) {
        keypoints = skeleton.keypoints
    }

    private static let frameColumns = [
        "stream", "session", "sequence", "camera_frame", "capture_time_ns", "width", "height", "engine", "drop_stage",
        "drop_reason",
    ]
    private static let personColumns = [
        "track_id", "score", "observed", "bbox_x", "bbox_y", "bbox_width", "bbox_height", "state",
    ]

    /// The first row.
    var header: String {
        (Self.frameColumns + Self.personColumns
            + keypoints.flatMap { name in ["x", "y", "score", "x3d", "y3d", "z3d"].map { "\(name)_\($0)" } })
            .joined(separator: ",")
    }

    /// One row a person, or one with empty columns where there is none.
    func rows(_ outcome: Outcome) -> [String] {
        let frame = outcome.frame
        let first: [String] = [
            quoted(frame.stream.description), frame.session.description, "\(frame.sequence)",
            frame.cameraFrame.map { "\($0)" } ?? "", "\(frame.captureTime.nanoseconds)", "\(frame.width)",
            "\(frame.height)", outcome.engine, outcome.drop?.stage.rawValue ?? "", outcome.drop?.reason.rawValue ?? "",
        ]
        if outcome.persons.isEmpty {
            let empty = Self.personColumns.count + 6 * keypoints.count
            return [(first + Array(repeating: "", count: empty)).joined(separator: ",")]
        }
        return outcome.persons.map { (first + columns($0)).joined(separator: ",") }
    }

    private func columns(_ person: Person) -> [String] {
        let box = person.bbox
        var columns = ["\(person.trackID)", decimal(person.score, 4), person.observed ? "1" : "0"]
        columns += [box.x, box.y, box.width, box.height].map { decimal($0, 2) }
        columns.append(person.state?.rawValue ?? "")
        for index in keypoints.indices {
            columns += triple(person.keypoints2D, index, decimals: [2, 2, 4])
            columns += triple(person.keypoints3D, index, decimals: [4, 4, 4])
        }
        return columns
    }

    private func triple(_ points: [SIMD3<Float>], _ index: Int, decimals: [Int]) -> [String] {
        guard index < points.count else { return ["", "", ""] }
        return (0..<3).map { decimal(points[index][$0], decimals[$0]) }
    }

    private func decimal(_ number: Float, _ decimals: Int) -> String {
        String(format: "%.\(decimals)f", number)
    }

    private func quoted(_ text: String) -> String {
        guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
