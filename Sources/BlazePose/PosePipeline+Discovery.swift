extension PosePipeline {
    /// Searches pictures for persons nobody follows yet.
    package func discover(_ scenes: inout [Scene]) throws {
        var windows: [(scene: Int, region: PoseRegion)] = []
        for (index, scene) in scenes.enumerated() {
            let tracker = scene.tracker
            guard scene.found.count < options.maximumPersons else { continue }
            let search = searchWindows(scene)
            if search.includesWhole { tracker.framesSinceDetection = 0 }
            for region in search.regions {
                tracker.charge()
                windows.append((index, region))
            }
        }
        guard !windows.isEmpty else { return }
        let detections = try detections(
            windows.map { Crop(image: scenes[$0.scene].image, region: $0.region) },
            threshold: options.minimumDetectionScore)
        var candidates: [(scene: Int, region: PoseRegion)] = []
        for (window, persons) in zip(windows, detections) {
            let followed = scenes[window.scene].live.map(\.bodyRegion)
            let isPart = window.region != PoseRegion(letterboxing: scenes[window.scene].image)
            for region in persons.map(\.region) {
                let rivals = followed + candidates.filter { $0.scene == window.scene }.map(\.region)
                if isPart, rivals.contains(where: { isNear(region, $0) }) { continue }
                guard rivals.count < options.maximumPersons, !rivals.contains(where: region.coincides(with:)) else {
                    continue
                }
                candidates.append((window.scene, region))
            }
        }
        try admit(candidates, into: &scenes)
    }

    /// Whether a magnified part of the picture may show a known person's own shadow here, which can pass for a person.
    private func isNear(_ region: PoseRegion, _ followed: PoseRegion) -> Bool {
        region.center.distance(to: followed.center) < PosePipeline.shadowReach * followed.size
    }

    /// Frames of a shot in which every part of the picture is searched, wide ones included, more than twice over.
    private static let firstFrames = 30
    /// Body sizes.
    private static let shadowReach: Float = 1.5

    /// What to search in a picture: all of it and one part of it more each time, because a small person does not
    /// show in the whole; while somebody is followed, only parts as high as the picture's shorter side, three for each search
    /// of the whole. Where nobody has been found for a while, or the stream's allowance is used up, one of the two has to do.
    private func searchWindows(_ scene: Scene) -> (regions: [PoseRegion], includesWhole: Bool) {
        let tracker = scene.tracker
        let whole = PoseRegion(letterboxing: scene.image)
        let (width, height) = (scene.image.width, scene.image.height)
        guard scene.found.isEmpty else {
            let since = tracker.framesSinceDetection ?? options.redetectionInterval
            if since >= options.redetectionInterval { return ([whole], true) }
            let tiles = PosePipeline.tiles(width: width, height: height, scales: [1])
            // At the beginning everybody is new: a part in each frame then.
            let interval =
                tracker.shotFrames <= PosePipeline.firstFrames ? 1 : max(1, options.redetectionInterval / 4)
            guard since.isMultiple(of: interval), since > 0, tracker.maySearch,
                tiles.count > 1
            else { return ([], false) }
            defer { tracker.searchStep += 1 }
            return ([tiles[tracker.searchStep % tiles.count]], false)
        }
        let tiles = PosePipeline.tiles(width: width, height: height)
        let isLongEmpty = tracker.emptyFrames > options.redetectionInterval
        if isLongEmpty, tracker.emptyFrames.isMultiple(of: 2) { return ([whole], true) }
        guard isLongEmpty || tracker.maySearch else { return ([whole], true) }
        defer { tracker.searchStep += 1 }
        let tile = tiles[tracker.searchStep % tiles.count]
        return isLongEmpty ? ([tile], false) : ([whole, tile], true)
    }

    private func admit(_ candidates: [(scene: Int, region: PoseRegion)], into scenes: inout [Scene]) throws {
        for candidate in candidates { scenes[candidate.scene].tracker.charge() }
        let first = try estimates(candidates.map { Crop(image: scenes[$0.scene].image, region: $0.region) })
        let believed = zip(candidates, first).filter { isPose($1) }.map { (scene: $0.scene, estimate: $1) }
        for candidate in believed { scenes[candidate.scene].tracker.charge() }
        let answers = try confirmed(believed.map { (scenes[$0.scene].image, $0.estimate) })
        for (candidate, answer) in zip(believed, answers) {
            guard let answer else { continue }
            let scene = scenes[candidate.scene]
            let box = scene.box(of: answer)
            guard !isTaken(answer, box: box, by: scene.live),
                !isShadow(answer, in: scene.image, of: scene.live.map(\.bodyRegion))
            else { continue }
            if let returning = returning(answer, in: scene) {
                scenes[candidate.scene].update(returning, with: answer, restart: true)
            } else {
                let tracker = scene.tracker
                tracker.tracks.append(PoseTrack(id: tracker.nextID, estimate: answer, box: box, time: scene.time))
                scenes[candidate.scene].found.insert(tracker.nextID)
                tracker.nextID += 1
            }
        }
    }

    /// The lost person that this pose continues: the nearest one within reach and of about its size.
    private func returning(_ estimate: PoseEstimate, in scene: Scene) -> Int? {
        let found = estimate.bodyRegion
        let candidates = scene.lost.compactMap { track -> (id: Int, distance: Float)? in
            let expected = track.predictedRegion(at: scene.time)
            let distance = found.center.distance(to: expected.center)
            let ratio = found.size / expected.size
            return distance < 0.8 * expected.size && ratio > 0.4 && ratio < 2.5 ? (track.id, distance) : nil
        }
        return candidates.min { $0.distance < $1.distance }?.id
    }

    /// Overlapping squares that cover a picture: as high as its shorter side, then three fifths of that.
    package static func tiles(width: Int, height: Int, scales: [Float] = [1, 0.6]) -> [PoseRegion] {
        let short = Float(min(width, height))
        return scales.flatMap { scale -> [PoseRegion] in
            let side = short * scale
            func centers(_ length: Int) -> [Float] {
                let steps = max(0, Int(((Float(length) - side) / (side / 2)).rounded(.up)))
                guard steps > 0 else { return [Float(length) / 2] }
                return (0...steps).map { side / 2 + (Float(length) - side) * Float($0) / Float(steps) }
            }
            return centers(height).flatMap { y in
                centers(width).map { PoseRegion(centerX: $0, centerY: y, size: side) }
            }
        }
    }
}
