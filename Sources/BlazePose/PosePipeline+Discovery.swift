extension PosePipeline {
    /// Detections that were begun before it was known who would be found without them.
    package struct Ahead {
        fileprivate let windows: [Window]
        fileprivate let detections: any DetectionsAhead
    }

    /// A part of a scene's picture.
    fileprivate struct Window: Equatable {
        let scene: Int
        let region: PoseRegion
    }

    /// Begins to search the pictures in which everybody was seen a frame ago, for they most likely will be again, and where
    /// that is so the windows are known before.
    package func startDiscovery(_ scenes: [Scene]) -> Ahead? {
        let windows = scenes.enumerated().flatMap { index, scene -> [Window] in
            let tracks = scene.tracker.tracks
            guard !tracks.isEmpty, tracks.count < options.maximumPersons, tracks.allSatisfy({ $0.missed == 0 }) else {
                return []
            }
            return search(scene, isEmpty: false).regions.map { Window(scene: index, region: $0) }
        }
        return begin(windows, scenes)
    }

    /// Begins to search the whole of a live stream's picture in which everybody was lost, while closer looks are taken: if
    /// those fail it is searched anyway, and the two one after the other would let the next frame wait. Where they do not fail it
    /// was for nothing, so a file, which gains nothing by an early answer, does without.
    ///
    /// - Parameter begun: what is not begun twice.
    package func startDiscovery(ofLost scenes: [Scene], besides begun: Ahead?) -> Ahead? {
        let windows = scenes.enumerated().filter {
            $1.tracker.isLive && !$1.tracker.tracks.isEmpty && $1.found.isEmpty
        }.map { Window(scene: $0, region: PoseRegion(letterboxing: $1.image)) }
        return begin(windows.filter { begun?.windows.contains($0) != true }, scenes)
    }

    private func begin(_ windows: [Window], _ scenes: [Scene]) -> Ahead? {
        guard !windows.isEmpty, windows.count <= PosePipeline.largestBatch else { return nil }
        return inference.startDetections(
            in: windows.map { Crop(image: scenes[$0.scene].image, region: $0.region) },
            threshold: options.minimumDetectionScore
        ).map { Ahead(windows: windows, detections: $0) }
    }

    /// Searches pictures for persons nobody follows yet.
    package func discover(_ scenes: inout [Scene], _ ahead: [Ahead] = []) throws {
        var windows: [Window] = []
        for (index, scene) in scenes.enumerated() {
            let tracker = scene.tracker
            guard scene.found.count < options.maximumPersons else { continue }
            let search = search(scene, isEmpty: scene.found.isEmpty)
            if search.includesWhole { tracker.framesSinceDetection = 0 }
            if search.includesPart { tracker.searchStep += 1 }
            for region in search.regions {
                tracker.charge()
                windows.append(Window(scene: index, region: region))
            }
        }
        let detections = try detections(windows, scenes, ahead)
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

    /// What the detector sees in each window, taken from what was begun before where that is in it.
    private func detections(_ windows: [Window], _ scenes: [Scene], _ ahead: [Ahead]) throws -> [[PoseDetection]] {
        let isKnown = windows.map { window in ahead.contains { $0.windows.contains(window) } }
        // What nobody wants any more is called off before anything is waited for.
        let wanted = ahead.filter { begun in
            let isWanted = begun.windows.contains(where: windows.contains)
            if !isWanted { begun.detections.cancel() }
            return isWanted
        }
        let missing = zip(windows, isKnown).filter { !$1 }.map(\.0)
        var found = try detections(
            missing.map { Crop(image: scenes[$0.scene].image, region: $0.region) },
            threshold: options.minimumDetectionScore)
        let known = try wanted.map { (windows: $0.windows, detections: try $0.detections.value()) }
        return windows.map { window in
            for begun in known {
                if let place = begun.windows.firstIndex(of: window) { return begun.detections[place] }
            }
            return found.removeFirst()
        }
    }

    /// Whether a magnified part of the picture may show a known person's own shadow here, which can pass for a person.
    private func isNear(_ region: PoseRegion, _ followed: PoseRegion) -> Bool {
        region.center.distance(to: followed.center) < PosePipeline.shadowReach * followed.size
    }

    /// Frames of a shot in which every part of the picture is searched, wide ones included, more than twice over.
    private static let firstFrames = 30
    /// Body sizes.
    private static let shadowReach: Float = 1.5

    /// What to search in a picture.
    private struct Search {
        var regions: [PoseRegion] = []
        var includesWhole = false
        var includesPart = false
    }

    /// What to search in a picture: all of it and one part of it more each time, because a small person does not
    /// show in the whole; while somebody is followed, only parts as high as the picture's shorter side, three for each search
    /// of the whole. Where nobody has been found for a while, or the stream's allowance is used up, one of the two has to do.
    private func search(_ scene: Scene, isEmpty: Bool) -> Search {
        let tracker = scene.tracker
        let whole = PoseRegion(letterboxing: scene.image)
        let (width, height) = (scene.image.width, scene.image.height)
        guard isEmpty else {
            let since = tracker.framesSinceDetection ?? options.redetectionInterval
            if since >= options.redetectionInterval { return Search(regions: [whole], includesWhole: true) }
            let tiles = PosePipeline.tiles(width: width, height: height, scales: [1])
            // At the beginning everybody is new: a part in each frame then.
            let interval =
                tracker.shotFrames <= PosePipeline.firstFrames ? 1 : max(1, options.redetectionInterval / 4)
            guard since.isMultiple(of: interval), since > 0, tracker.maySearch,
                tiles.count > 1
            else { return Search() }
            return Search(regions: [tiles[tracker.searchStep % tiles.count]], includesPart: true)
        }
        let tiles = PosePipeline.tiles(width: width, height: height)
        let isLongEmpty = tracker.emptyFrames > options.redetectionInterval
        if isLongEmpty, tracker.emptyFrames.isMultiple(of: 2) { return Search(regions: [whole], includesWhole: true) }
        guard isLongEmpty || tracker.maySearch else { return Search(regions: [whole], includesWhole: true) }
        let tile = tiles[tracker.searchStep % tiles.count]
        return isLongEmpty
            ? Search(regions: [tile], includesPart: true)
            : Search(regions: [whole, tile], includesWhole: true, includesPart: true)
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
                try !isShadow(answer, in: scene.image, of: scene.live.map(\.bodyRegion))
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

    /// Shorter sides of the picture.
    static let partScales: [Float] = [1, 0.6]

    /// Overlapping squares that cover a picture: as high as its shorter side, then three fifths of that.
    package static func tiles(width: Int, height: Int, scales: [Float] = partScales) -> [PoseRegion] {
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
