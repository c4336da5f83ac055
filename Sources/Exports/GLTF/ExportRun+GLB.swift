internal import Foundation

extension ExportRun {
    /// One animated scene for each recording.
    func writeGLB() throws {
        let model = try bodyModelIfNeeded()
        try eachRecordingToItsFile { recording, url in
            let source = try MotionSource(recording, self, model: model)
            if source.tracks.isEmpty { summary.notes.append("nobody is in session \(recording.session)") }
            let file = try ExportFile(url)
            var scene = SceneWriter(
                source, stream: recording.stream, session: recording.session, frameRate: options.frameRate
            ) { motion in
                if let body = motion as? BodyRig, let model { return Skin(model, betas: body.track.betas) }
                return Skin(spindlesAlong: motion.rig)
            }
            try scene.write(to: file)
            try file.close()
            summary.files += 1
        }
    }

    /// Calls `body` with each recording and its own file: the one that was named, or one of a folder for each of several.
    func eachRecordingToItsFile(_ body: (any Recording, URL) throws -> Void) throws {
        if recordings.count == 1 { return try body(recordings[0], url) }
        let folder = try folder()
        for (recording, name) in zip(recordings, names) {
            try body(recording, folder.appendingPathComponent("\(name).\(format.fileExtension)"))
        }
    }
}
