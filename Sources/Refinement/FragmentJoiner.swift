internal import Foundation
internal import Tracking

/// Finds which tracks are fragments of one person: for each end of a track the beginning that goes on from it, or none.
///
/// For each possible pair the logarithm of a ratio of likelihoods, one person against two, is summed over place and size
/// (extrapolated from both ends, `EndMotion`), pose and looks; the best set of pairs as a whole is chosen (`Matching`), as
/// in L. Zhang, Y. Li, R. Nevatia, "Global data association for multi-object tracking using network flows", 2008.
struct FragmentJoiner {
    let timeBase: TimeBase
    /// Seconds.
    let maxJoin: Double
    let appearance: AppearanceModel?

    /// A join counts only where one person is nine times as likely as two: to take two for one spoils both, which is worse
    /// than one who keeps two numbers, as the live result has it.
    static let leastEvidence = log(9.0)
    /// Where the picture changes at once (a cut, a camera that is moved), places before say nothing about places after. That
    /// place and pose are of no use has this probability, so they never count against a join by more than ln 20: then
    /// looks alone decide.
    static let surprise = 0.05

    /// - Parameter tracks: sorted by their beginning.
    /// - Returns: for each track the one that goes on from it, or nil.
    func successors(_ tracks: [TrackRecord]) -> [Int?] {
        let starts = tracks.map { timeBase.seconds($0.first) }
        let heads = tracks.map { EndMotion($0.head, atStart: true, timeBase) }
        var pairs: [[(right: Int, gain: Double)]] = []
        for track in tracks {
            let end = timeBase.seconds(track.last)
            let tail = EndMotion(track.tail, atStart: false, timeBase)
            var candidates: [(right: Int, gain: Double)] = []
            var other = firstIndex(starts, after: end)
            while other < tracks.count, starts[other] - end <= maxJoin {
                // In one frame with each other they are two persons.
                if tracks[other].first.sequence > track.last.sequence {
                    let gain = evidence(track, tail, tracks[other], heads[other]) - Self.leastEvidence
                    if gain > 0 { candidates.append((other, gain)) }
                }
                other += 1
            }
            pairs.append(candidates)
        }
        return Matching.partners(pairs, rights: tracks.count)
    }

    /// The logarithm of how much likelier the tracks are one person than two.
    func evidence(_ a: TrackRecord, _ tail: EndMotion, _ b: TrackRecord, _ head: EndMotion) -> Double {
        let picture = SIMD2(Double(a.pictureWidth), Double(a.pictureHeight))
        // Where the picture's size is not known, it holds three persons beside each other.
        let room = picture.x > 0 && picture.y > 0 ? picture : SIMD2(2, 1) * max(tail.height, head.height) * 1.5
        // Forward from the one and backward from the other. Each alone is fooled by a turn on its own side; the two are not
        // independent, so they count half each.
        let place = (tail.evidence(for: head, picture: room) + head.evidence(for: tail, picture: room)) / 2
        let pose = PoseDifference(a.tailPose, b.headPose)?.evidence(after: head.time - tail.time) ?? 0
        let explained = place + pose + log(1 - Self.surprise)
        let unexplained = log(Self.surprise)
        // The logarithm of the sum of both.
        let motion =
            max(explained, unexplained) + log1p(exp(-abs(explained - unexplained)))
        return motion + (appearance?.evidence(a.tailAppearance, b.headAppearance) ?? 0)
    }

    private func firstIndex(_ starts: [Double], after time: Double) -> Int {
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// How different the attitudes of two persons are, both placed and scaled by their boxes.
struct PoseDifference {
    /// The mean squared distance of keypoints in heights.
    let square: Double

    /// Keypoints move against the body at about this speed, in heights a second: swinging arms and legs.
    private static let speed = 0.5
    /// A keypoint is not better than this, in heights.
    private static let noise = 0.02
    /// How far keypoints of two persons in any attitude are from each other: half an arm.
    private static let anybody = 0.2
    /// Neighbouring keypoints move together: all of them are two measurements, one of the arms and one of the legs.
    private static let measurements = 2.0

    /// Nil where fewer than four keypoints are seen in both.
    init?(_ a: [SIMD3<Float>], _ b: [SIMD3<Float>]) {
        guard a.count == b.count else { return nil }
        var (sum, weights, shared) = (0.0, 0.0, 0)
        for (p, q) in zip(a, b) {
            let weight = Double(p.z * q.z)
            guard weight > 0.1 else { continue }
            let step = p - q
            sum += weight * Double(step.x * step.x + step.y * step.y)
            weights += weight
            shared += 1
        }
        guard shared >= 4 else { return nil }
        square = sum / weights
    }

    /// The logarithm of how much likelier the difference is for one person after a time than for two. Little is left of an
    /// attitude after half a second.
    func evidence(after seconds: Double) -> Double {
        let anybody = Self.anybody * Self.anybody
        let moved = Self.speed * seconds
        let same = min(2 * Self.noise * Self.noise + moved * moved, anybody)
        return Self.measurements * (log(anybody / same) - square * (1 / same - 1 / anybody)) / 2
    }
}
