internal import Foundation

extension ExportRun {
    /// Moving skeletons, one file a person: `STREAM-TRACK.bvh`. Metres, y up.
    func writeBVH() throws {
        let model = try bodyModelIfNeeded()
        let folder = try folder()
        for (recording, name) in zip(recordings, names) {
            let source = try MotionSource(recording, self, model: model)
            let rate = source.timeline.frameRate(options.frameRate)
            for track in source.tracks {
                let file = try ExportFile(folder.appendingPathComponent("\(name)-\(track).bvh"))
                try BVHWriter(file).write(try source.motion(of: track), frameRate: rate)
                try file.close()
                summary.files += 1
            }
        }
        if summary.files == 0 { summary.notes.append("nobody is in \(description): there is no file to write") }
    }
}

/// Source: Meredith and Maddock, "Motion Capture File Formats Explained", 2001, section on BVH.
struct BVHWriter {
    private let file: ExportFile

    init(_ file: ExportFile) {
        self.file = file
    }

    func write(_ motion: any RigMotion, frameRate: Double) throws {
        try file.write("HIERARCHY\n")
        try writeJoint(0, of: motion.rig, depth: 0)
        try file.write("MOTION\nFrames: \(motion.frames.count)\nFrame Time: \(String(format: "%.9f", 1 / frameRate))\n")
        let order = depthFirst(motion.rig)
        var before = [EulerAngles?](repeating: nil, count: motion.rig.names.count)
        try motion.forEachFrame { frame in
            var numbers = [frame.root.x, frame.root.y, frame.root.z]
            for joint in order {
                let angles = EulerAngles(frame.turns[joint], near: before[joint])
                before[joint] = angles
                numbers += [angles.z, angles.x, angles.y]
            }
            var line: [UInt8] = []
            for number in numbers {
                if !line.isEmpty { line.append(UInt8(ascii: " ")) }
                line.append(fixed: number, decimals: 6)
            }
            try file.write(line: line)
        }
    }

    /// Channels stand in the order in which the hierarchy is written.
    private func depthFirst(_ rig: Rig, from joint: Int = 0) -> [Int] {
        [joint] + rig.children(of: joint).flatMap { depthFirst(rig, from: $0) }
    }

    private func writeJoint(_ joint: Int, of rig: Rig, depth: Int) throws {
        let space = String(repeating: "\t", count: depth)
        func offset(_ vector: SIMD3<Double>) -> String {
            var bytes: [UInt8] = []
            for axis in 0..<3 {
                bytes.append(UInt8(ascii: " "))
                bytes.append(fixed: vector[axis], decimals: 6)
            }
            return "OFFSET" + String(decoding: bytes, as: UTF8.self)
        }
        try file.write("\(space)\(depth == 0 ? "ROOT" : "JOINT") \(rig.names[joint])\n\(space){\n")
        try file.write("\(space)\t\(offset(rig.offsets[joint]))\n")
        let channels = depth == 0 ? "6 Xposition Yposition Zposition" : "3"
        try file.write("\(space)\tCHANNELS \(channels) Zrotation Xrotation Yrotation\n")
        for child in rig.children(of: joint) { try writeJoint(child, of: rig, depth: depth + 1) }
        if let tip = rig.tips[joint] {
            try file.write("\(space)\tEnd Site\n\(space)\t{\n\(space)\t\t\(offset(tip))\n\(space)\t}\n")
        }
        try file.write("\(space)}\n")
    }
}
