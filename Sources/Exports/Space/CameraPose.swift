package import Foundation
internal import Messages
internal import Refinement

/// Where the camera stood: from its own axes (x right, y down, z forward) to the world's, metres.
package struct CameraPose: Sendable {
    /// The world's axis that points away from the ground.
    package enum Up: String, Sendable, CaseIterable {
        case y, z
        case minusY = "-y"
    }

    /// Which axis of the world is up.
    package let up: Up
    /// Poses by sequence, in order; one alone is that of every frame.
    private let poses: [(sequence: UInt64, transform: RigidTransform)]

    /// Whether it differs from frame to frame.
    var isMoving: Bool { poses.count > 1 }

    init(up: Up, poses: [(sequence: UInt64, transform: RigidTransform)]) {
        self.up = up
        self.poses = poses.sorted { $0.sequence < $1.sequence }
    }

    /// Reads a file. Either `{"camera_to_world": 4 × 4}`, or `{"rotation": 3 × 3, "translation": [x, y, z]}`, or
    /// `{"frames": [{"sequence": 0, …one of these…}, …]}` for a camera that moves; `"up"` is `"z"` (the default), `"y"` or
    /// `"-y"`.
    ///
    /// - Throws: `ExportError` that says what about the file is wrong.
    package init(contentsOf url: URL) throws(ExportError) {
        let data: Data
        do {
            data = try Data(contentsOf: url)
        } catch {
            throw ExportError(.inputOutput, "\(url.path) cannot be read: \(error.localizedDescription)")
        }
        try self.init(json: data, name: url.path)
    }

    init(json: Data, name: String) throws(ExportError) {
        func refused(_ reason: String) -> ExportError {
            ExportError(
                .badRequest,
                "\(name) is no camera pose: \(reason). It is JSON with \"camera_to_world\" (4 rows of 4 numbers), or "
                    + "\"rotation\" (3 rows of 3) and \"translation\" (3), or \"frames\": a list of these with \"sequence\""
            )
        }
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: json)
        } catch {
            throw refused("it is not of that form")
        }
        guard let up = Up(rawValue: file.up ?? "z") else {
            throw refused("\"up\" is \(file.up ?? ""), where z, y or -y is expected")
        }
        do {
            guard let frames = file.frames else {
                self.init(up: up, poses: [(0, try file.transform())])
                return
            }
            guard !frames.isEmpty else { throw refused("\"frames\" is empty") }
            var poses: [(sequence: UInt64, transform: RigidTransform)] = []
            for (place, frame) in frames.enumerated() {
                guard let sequence = frame.sequence else { throw refused("frame \(place) has no \"sequence\"") }
                poses.append((sequence, try frame.transform()))
            }
            self.init(up: up, poses: poses)
        } catch let problem as Problem {
            throw refused(problem.text)
        } catch let error as ExportError {
            throw error
        } catch {
            throw refused("\(error)")
        }
    }

    /// From the camera to the world at one frame: between two known poses it is interpolated, outside of them held.
    func transform(at sequence: UInt64) -> RigidTransform {
        let next = poses.partitioningIndex { $0.sequence >= sequence }
        guard next > 0 else { return poses[0].transform }
        guard next < poses.count else { return poses[poses.count - 1].transform }
        let (before, after) = (poses[next - 1], poses[next])
        let share = Double(sequence - before.sequence) / Double(after.sequence - before.sequence)
        return RigidTransform(
            rotation: before.transform.rotation.interpolated(to: after.transform.rotation, share: share),
            translation: before.transform.translation
                + share * (after.transform.translation - before.transform.translation))
    }

    private struct Problem: Error { let text: String }

    private struct File: Decodable {
        var up: String?
        var frames: [File]?
        var sequence: UInt64?
        var camera_to_world: [[Double]]?
        var rotation: [[Double]]?
        var translation: [Double]?

        func transform() throws(Problem) -> RigidTransform {
            let (rows, translation): ([[Double]], [Double])
            if let matrix = camera_to_world {
                guard matrix.count == 4 || matrix.count == 3, matrix.allSatisfy({ $0.count == 4 }) else {
                    throw Problem(text: "\"camera_to_world\" is not 4 rows of 4 numbers")
                }
                if matrix.count == 4, matrix[3] != [0, 0, 0, 1] {
                    throw Problem(text: "the last row of \"camera_to_world\" is not 0, 0, 0, 1")
                }
                rows = matrix.prefix(3).map { Array($0.prefix(3)) }
                translation = matrix.prefix(3).map { $0[3] }
            } else if let rotation, let moved = self.translation {
                (rows, translation) = (rotation, moved)
            } else {
                throw Problem(text: "it has neither \"camera_to_world\" nor \"rotation\" and \"translation\"")
            }
            guard rows.count == 3, rows.allSatisfy({ $0.count == 3 }), translation.count == 3 else {
                throw Problem(text: "\"rotation\" is not 3 rows of 3 numbers, or \"translation\" not 3 numbers")
            }
            let columns = (0..<3).map { SIMD3(rows[0][$0], rows[1][$0], rows[2][$0]) }
            let lengths = columns.map { ($0 * $0).sum() }
            let skew = (columns[0].cross(columns[1]) - columns[2])
            guard lengths.allSatisfy({ abs($0 - 1) < 1e-3 }), (skew * skew).sum() < 1e-5 else {
                throw Problem(
                    text: "the rotation is none: its columns must be of length 1, at right angles, and right-handed")
            }
            return RigidTransform(
                rotation: Rotation(rowMajor: rows.flatMap { $0 }.map(Float.init)),
                translation: SIMD3(translation[0], translation[1], translation[2]))
        }
    }
}

extension Array {
    /// The first place where `isLater` holds, of elements sorted by it.
    fileprivate func partitioningIndex(_ isLater: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isLater(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
