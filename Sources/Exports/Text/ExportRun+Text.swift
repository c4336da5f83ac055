internal import Messages

extension ExportRun {
    /// One outcome a line, as subscribers receive it. With a camera's pose, each person also has `keypoints_3d_world`.
    func writeJSON() throws {
        let file = try ExportFile(url)
        let world = WorldFrame(options, axes: .asGiven)
        for recording in recordings {
            try walk(recording) { outcome in
                let places = options.cameraPose == nil ? nil : try world.keypoints(of: outcome)
                try file.write(line: outcome.jsonBytes(worldKeypoints: places))
            }
        }
        try file.close()
        summary.files = 1
    }

    /// A table (RFC 4180). With a camera's pose, the 3D columns are the world's.
    func writeTable() throws {
        let skeleton = try firstSkeleton() ?? .blazepose33
        let table = OutcomeTable(skeleton)
        let world = WorldFrame(options, axes: .asGiven)
        let file = try ExportFile(url)
        try file.write(line: table.header)
        for recording in recordings {
            try walk(recording) { outcome in
                guard outcome.persons.isEmpty || outcome.skeleton == skeleton.name else {
                    throw ExportError(
                        .unavailable,
                        "there are poses of \(skeleton.name) and of \(outcome.skeleton), which one table cannot show; "
                            + "choose with --stream or --session, or take --format json")
                }
                var outcome = outcome
                if options.cameraPose != nil {
                    for (index, points) in try world.keypoints(of: outcome).enumerated() {
                        outcome.persons[index].keypoints3D = points
                    }
                }
                for row in table.rows(outcome) { try file.write(line: row) }
            }
        }
        try file.close()
        summary.files = 1
    }

    /// What the first person's keypoints are called; nil where there is no person at all.
    func firstSkeleton() throws -> Skeleton? {
        struct Found: Error { let skeleton: Skeleton }
        do {
            for recording in recordings {
                try walk(recording, isCounted: false) { outcome in
                    if !outcome.persons.isEmpty, let skeleton = Skeleton.named(outcome.skeleton) {
                        throw Found(skeleton: skeleton)
                    }
                }
            }
        } catch let found as Found {
            return found.skeleton
        }
        return nil
    }
}
