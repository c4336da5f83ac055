/// Follows the persons of several streams, one frame of each at a time.
///
/// For each frame: look where each person should be (one landmark run for the whole batch); for whom that fails, look
/// closer (`PosePipeline+CloserLooks`); now and then, and whenever nobody is left, search the picture
/// (`PosePipeline+Discovery`). A pose counts only if the landmark model believes in it.
package final class PosePipeline {
    package let inference: any PoseInference
    package let options: BlazePoseOptions

    package init(inference: any PoseInference, options: BlazePoseOptions) {
        self.inference = inference
        self.options = options
    }

    /// One frame while it is being worked on.
    package struct Scene {
        package let tracker: PoseTracker
        package let image: RGBImage
        /// Seconds.
        package let time: Double
        /// Numbers of the persons found in this frame so far.
        package var found: Set<Int> = []

        /// The tracks of the persons found so far.
        package var live: [PoseTrack] { tracker.tracks.filter { found.contains($0.id) } }
        /// The tracks of those still missing.
        package var lost: [PoseTrack] { tracker.tracks.filter { !found.contains($0.id) } }

        package mutating func update(_ id: Int, with estimate: PoseEstimate, restart: Bool) {
            guard let index = tracker.tracks.firstIndex(where: { $0.id == id }) else { return }
            tracker.tracks[index].update(estimate, box: box(of: estimate), time: time, restart: restart)
            found.insert(id)
        }

        package func box(of estimate: PoseEstimate) -> BoundingBox {
            estimate.bodyBox.clipped(width: image.width, height: image.height)
        }
    }

    /// The persons in each frame, in the order of their numbers. At most one frame a tracker.
    package func process(
        _ frames: [(tracker: PoseTracker, image: RGBImage, timestamp: Double?)]
    ) throws -> [[BlazePosePerson]] {
        var scenes = frames.map {
            Scene(tracker: $0.tracker, image: $0.image, time: $0.tracker.advance(to: $0.timestamp))
        }
        let ahead = startDiscovery(scenes)
        try follow(&scenes)
        for scene in scenes where scene.tracker.takeCut() {
            scene.tracker.tracks.removeAll { !scene.found.contains($0.id) }
        }
        let urgent = startDiscovery(ofLost: scenes, besides: ahead)
        if options.closerLooks { try lookCloser(&scenes) }
        for index in scenes.indices { mergeDuplicates(in: &scenes[index]) }
        try discover(&scenes, [ahead, urgent].compactMap { $0 })
        return scenes.map { finish($0) }
    }

    /// Looks at everybody's next region.
    private func follow(_ scenes: inout [Scene]) throws {
        var targets: [(scene: Int, id: Int)] = []
        var crops: [Crop] = []
        for (index, scene) in scenes.enumerated() {
            for track in scene.tracker.tracks where track.missed == 0 {
                targets.append((index, track.id))
                crops.append(Crop(image: scene.image, region: track.region))
            }
        }
        for (target, estimate) in zip(targets, try estimates(crops)) where isPose(estimate) {
            scenes[target.scene].update(target.id, with: estimate, restart: false)
        }
    }

    /// Two tracks that have run into one body become the older one.
    private func mergeDuplicates(in scene: inout Scene) {
        var kept: [PoseTrack] = []
        for track in scene.live.sorted(by: { ($0.age, $1.id) > ($1.age, $0.id) }) {
            if kept.contains(where: { $0.box.intersectionOverUnion(track.box) > PosePipeline.sameBody }) {
                scene.found.remove(track.id)
                scene.tracker.tracks.removeAll { $0.id == track.id }
            } else {
                kept.append(track)
            }
        }
    }

    private func finish(_ scene: Scene) -> [BlazePosePerson] {
        let tracker = scene.tracker
        tracker.emptyFrames = scene.found.isEmpty ? tracker.emptyFrames + 1 : 0
        for index in tracker.tracks.indices where !scene.found.contains(tracker.tracks[index].id) {
            tracker.tracks[index].missed += 1
        }
        tracker.tracks.removeAll { $0.missed > options.maximumMissedFrames }
        return scene.live.sorted { $0.id < $1.id }.map {
            BlazePosePerson(trackID: $0.id, estimate: $0.estimate, boundingBox: $0.box)
        }
    }

    /// Runs the landmark model over any number of crops, in batches that bound the memory.
    package func estimates(_ crops: [Crop]) throws -> [PoseEstimate] {
        try batches(crops).flatMap { try inference.estimates(in: $0) }
    }

    /// Runs the detector over any number of crops, in batches that bound the memory.
    package func detections(_ crops: [Crop], threshold: Float) throws -> [[PoseDetection]] {
        try batches(crops).flatMap { try inference.detections(in: $0, threshold: threshold) }
    }

    private func batches(_ crops: [Crop]) -> [[Crop]] {
        stride(from: 0, to: crops.count, by: PosePipeline.largestBatch).map {
            Array(crops[$0..<min($0 + PosePipeline.largestBatch, crops.count)])
        }
    }

    /// Whether the landmark model itself believes in the pose, and it is one a next region can be made of.
    package func isPose(_ estimate: PoseEstimate) -> Bool {
        let body = estimate.bodyRegion
        return estimate.score > options.minimumPoseScore && body.size.isFinite && body.size > PosePipeline.smallestBody
            && body.center.x.isFinite && body.center.y.isFinite
    }

    /// Whether the pose is of a body that one of `tracks` already has.
    package func isTaken(_ estimate: PoseEstimate, box: BoundingBox, by tracks: [PoseTrack]) -> Bool {
        tracks.contains { track in
            track.box.intersectionOverUnion(box) > PosePipeline.overlappingBody
                || track.bodyRegion.center.distance(to: estimate.bodyRegion.center) < 0.15 * track.bodyRegion.size
        }
    }

    /// Looks again with the region that each pose itself asks for. A person is found there once more, in the same
    /// attitude; what the model took for a person in a chance arrangement of the background is not. Nil where it fails.
    package func confirmed(_ candidates: [(image: RGBImage, estimate: PoseEstimate)]) throws -> [PoseEstimate?] {
        let crops = candidates.map { Crop(image: $0.image, region: $0.estimate.bodyRegion) }
        return zip(candidates, try estimates(crops)).map { candidate, second in
            isPose(second) && second.deviation(from: candidate.estimate) < PosePipeline.largestDeviation ? second : nil
        }
    }

    static let largestBatch = 16
    /// Pixels: a body region smaller than this shows nothing.
    private static let smallestBody: Float = 8
    private static let sameBody: Float = 0.6
    private static let overlappingBody: Float = 0.5
    private static let largestDeviation: Float = 0.1
}
