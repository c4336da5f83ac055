extension PosePipeline {
    /// Everybody in one picture, without history. Best first. Its parts are searched only if the whole shows nobody:
    /// magnified, cast shadows can pass for persons.
    package func detect(still image: RGBImage) throws -> [BlazePosePerson] {
        let whole = try persons(in: image, windows: [PoseRegion(letterboxing: image)])
        guard whole.isEmpty else { return whole }
        return try persons(in: image, windows: PosePipeline.tiles(width: image.width, height: image.height))
    }

    private func persons(in image: RGBImage, windows: [PoseRegion]) throws -> [BlazePosePerson] {
        let detections = try detections(
            windows.map { Crop(image: image, region: $0) }, threshold: options.minimumDetectionScore)
        var regions: [PoseRegion] = []
        for person in detections.flatMap({ $0 }).sorted(by: { $0.score > $1.score })
        where regions.count < 2 * options.maximumPersons && !regions.contains(where: person.region.coincides(with:)) {
            regions.append(person.region)
        }
        let believed = try estimates(regions.map { Crop(image: image, region: $0) }).filter(isPose)
        let poses = try confirmed(believed.map { (image, $0) }).compactMap { $0 }
        let scene = Scene(tracker: PoseTracker(), image: image, time: 0)
        var kept: [PoseTrack] = []
        for pose in poses.sorted(by: { $0.score > $1.score }) where kept.count < options.maximumPersons {
            let box = scene.box(of: pose)
            if !isTaken(pose, box: box, by: kept) {
                kept.append(PoseTrack(id: kept.count + 1, estimate: pose, box: box, time: 0))
            }
        }
        return kept.map { BlazePosePerson(trackID: $0.id, estimate: $0.estimate, boundingBox: $0.box) }
    }

    /// Exactly one person for each box, in their order, numbered from 1. A box in which the landmark model believes in
    /// nobody gets its best guess all the same, with the low score that says so.
    package func detect(still image: RGBImage, boxes: [BoundingBox]) throws -> [BlazePosePerson] {
        let windows = boxes.map { box in
            let side = max(box.width, box.height, 1)
            return PoseRegion(centerX: box.center.x, centerY: box.center.y, size: side * 1.25)
        }
        let detections = try detections(
            windows.map { Crop(image: image, region: $0) }, threshold: options.minimumCloseDetectionScore)
        var candidates: [(box: Int, region: PoseRegion)] = []
        for index in boxes.indices {
            candidates.append((index, windows[index]))
            candidates += detections[index].prefix(3).map { (index, $0.region) }
        }
        let estimates = try estimates(candidates.map { Crop(image: image, region: $0.region) })
        let scene = Scene(tracker: PoseTracker(), image: image, time: 0)
        return boxes.indices.compactMap { index in
            // Persons overlap, so the landmark model's belief counts only together with the fit to the box.
            let own = zip(candidates, estimates).filter { $0.0.box == index }.map(\.1)
            let best = own.max { first, second in
                let fit = { (pose: PoseEstimate) in
                    pose.score * (0.1 + scene.box(of: pose).intersectionOverUnion(boxes[index]))
                }
                return fit(first) < fit(second)
            }
            return best.map {
                BlazePosePerson(trackID: index + 1, estimate: $0, boundingBox: scene.box(of: $0))
            }
        }
    }
}
