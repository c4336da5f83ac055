extension PosePipeline {
    /// A region that might show a lost person.
    private struct Proposal {
        var scene: Int
        var id: Int
        var region: PoseRegion
    }

    /// Looks for each lost person in rounds, each for those that the one before did not find: where its movement should
    /// have taken it; there, but leaning further to either side; where the detector, given a magnified part of the picture
    /// turned as the person was, sees somebody; and at other sizes and rotations. Each network run is charged to the
    /// stream's allowance, and a round begins only while there is some left. In a live stream the later rounds may have to wait
    /// for the next frame.
    package func lookCloser(_ scenes: inout [Scene]) throws {
        try settle(proposals(scenes, round: 0, recentOnly: true) { [$0] }, in: &scenes)
        try settle(variationProposals(scenes, round: 1, PosePipeline.leanings), in: &scenes)
        try settle(detectionProposals(scenes, round: 2), in: &scenes)
        for (index, step) in PosePipeline.variations.enumerated() {
            try settle(variationProposals(scenes, round: 3 + index, step), in: &scenes)
        }
        for scene in scenes {
            scene.tracker.endSearch(rounds: 3 + PosePipeline.variations.count, isComplete: scene.lost.isEmpty)
        }
    }

    private func variationProposals(_ scenes: [Scene], round: Int, _ step: [Variation]) -> [Proposal] {
        proposals(scenes, round: round, recentOnly: true) { expected in step.map { $0(expected) } }
    }

    private func proposals(
        _ scenes: [Scene], round: Int, recentOnly: Bool, _ regions: (PoseRegion) -> [PoseRegion]
    ) -> [Proposal] {
        let chosen = scenes.indices.filter { scenes[$0].tracker.mayBegin(round: round) }
        for index in chosen { scenes[index].tracker.begin(round: round) }
        return chosen.flatMap { index in
            searchable(scenes[index]).filter { !recentOnly || $0.track.missed < PosePipeline.recentFrames }
                .flatMap { track, expected in
                    regions(expected).map { Proposal(scene: index, id: track.id, region: $0) }
                }
        }
    }

    /// Lost persons with the place where they should be, if that is in the picture.
    private func searchable(_ scene: Scene) -> [(track: PoseTrack, expected: PoseRegion)] {
        scene.lost.compactMap { track in
            let expected = track.predictedRegion(at: scene.time)
            let margin = expected.size / 4
            let inside =
                expected.centerX > -margin && expected.centerX < Float(scene.image.width) + margin
                && expected.centerY > -margin && expected.centerY < Float(scene.image.height) + margin
            return inside ? (track, expected) : nil
        }
    }

    private func detectionProposals(_ scenes: [Scene], round: Int) throws -> [Proposal] {
        let windows = proposals(scenes, round: round, recentOnly: false) { expected in
            PosePipeline.windowScales.flatMap { scale in
                let window = expected.scaled(by: scale)
                let upright = window.rotated(by: -window.rotation)
                return abs(window.rotation) > PosePipeline.noticeableRotation ? [upright, window] : [upright]
            }
        }
        for window in windows { scenes[window.scene].tracker.charge() }
        let crops = windows.map { Crop(image: scenes[$0.scene].image, region: $0.region) }
        let detections = try detections(crops, threshold: options.minimumCloseDetectionScore)
        var candidates: [(proposal: Proposal, score: Float)] = []
        for (window, persons) in zip(windows, detections) {
            for person in persons {
                let proposal = Proposal(scene: window.scene, id: window.id, region: person.region)
                candidates.append((proposal, person.score))
            }
        }
        var kept: [Proposal] = []
        for (candidate, _) in candidates.sorted(by: { $0.score > $1.score }) {
            let rivals = kept.filter { $0.scene == candidate.scene && $0.id == candidate.id }
            let known = rivals.contains {
                $0.region.coincides(with: candidate.region)
                    && abs(PoseRegion.normalized($0.region.rotation - candidate.region.rotation))
                        < PosePipeline.sameRotation
            }
            if rivals.count < PosePipeline.detectionsPerPerson, !known { kept.append(candidate) }
        }
        return kept
    }

    /// Looks at every proposal; the best one that fits its person and is confirmed becomes the person's pose.
    private func settle(_ proposals: [Proposal], in scenes: inout [Scene]) throws {
        guard !proposals.isEmpty else { return }
        for proposal in proposals { scenes[proposal.scene].tracker.charge() }
        let estimates = try estimates(proposals.map { Crop(image: scenes[$0.scene].image, region: $0.region) })
        var ranked = zip(proposals, estimates).filter { fits($1, $0, scenes) }.sorted { $0.1.score > $1.1.score }
        for _ in 0..<PosePipeline.confirmationsPerPerson {
            // The best one left for each person still missing.
            var round: [(proposal: Proposal, estimate: PoseEstimate)] = []
            ranked.removeAll { proposal, estimate in
                if scenes[proposal.scene].found.contains(proposal.id) { return true }
                let first = !round.contains { $0.proposal.scene == proposal.scene && $0.proposal.id == proposal.id }
                if first { round.append((proposal, estimate)) }
                return first
            }
            guard !round.isEmpty else { return }
            for entry in round { scenes[entry.proposal.scene].tracker.charge() }
            let answers = try confirmed(round.map { (scenes[$0.proposal.scene].image, $0.estimate) })
            for (entry, answer) in zip(round, answers) {
                guard let answer, fits(answer, entry.proposal, scenes) else { continue }
                scenes[entry.proposal.scene].update(entry.proposal.id, with: answer, restart: true)
            }
        }
    }

    /// Whether the pose can be the lost person: near enough, of about its size, and nobody else's.
    private func fits(_ estimate: PoseEstimate, _ proposal: Proposal, _ scenes: [Scene]) -> Bool {
        let scene = scenes[proposal.scene]
        guard isPose(estimate), let track = scene.tracker.tracks.first(where: { $0.id == proposal.id }) else {
            return false
        }
        let expected = track.predictedRegion(at: scene.time)
        let found = estimate.bodyRegion
        let reach = expected.size * (0.5 + 0.05 * Float(track.missed))
        let ratio = found.size / expected.size
        return found.center.distance(to: expected.center) <= reach
            && ratio < PosePipeline.largestGrowth && ratio > 1 / PosePipeline.largestGrowth
            && !isTaken(estimate, box: scene.box(of: estimate), by: scene.live)
    }

    private typealias Variation = @Sendable (PoseRegion) -> PoseRegion

    /// The region of somebody who turns: tried before the detector, because it costs less than half as much.
    private static let leanings: [Variation] = [{ $0.rotated(by: 0.5) }, { $0.rotated(by: -0.5) }]

    /// The region at other rotations and sizes, a few at a time: a fast turn or a jump between two frames.
    private static let variations: [[Variation]] = [
        [{ $0.rotated(by: 1.2) }, { $0.rotated(by: -1.2) }, { $0.scaled(by: 1.25) }],
        [{ $0.rotated(by: 2.1) }, { $0.rotated(by: -2.1) }, { $0.rotated(by: .pi) }],
    ]

    private static let recentFrames = 5
    private static let windowScales: [Float] = [1.3, 2.2]
    /// Radians; less is upright.
    private static let noticeableRotation: Float = 0.5
    private static let sameRotation: Float = 0.3
    private static let detectionsPerPerson = 3
    private static let confirmationsPerPerson = 2
    private static let largestGrowth: Float = 1.6
}
