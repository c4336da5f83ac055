internal import Foundation

/// How a tracker's descriptions of persons' looks are compared. Their bytes are not looked into here.
public struct AppearanceMeasure: Sendable {
    /// The mean squared difference of two descriptions; nil where they show nothing in common or cannot be read.
    public let squaredDifference: @Sendable ([UInt8], [UInt8]) -> Double?
    /// What it usually is for one person, seen twice.
    public let samePerson: Double
    /// What it usually is for two persons.
    public let differentPersons: Double
    /// How many independent features the descriptions amount to.
    public let features: Double

    /// A measure.
    public init(
        samePerson: Double, differentPersons: Double, features: Double,
        squaredDifference: @escaping @Sendable ([UInt8], [UInt8]) -> Double?
    ) {
        self.squaredDifference = squaredDifference
        self.samePerson = samePerson
        self.differentPersons = differentPersons
        self.features = features
    }
}

/// What differences in looks mean in one session: how much one person's looks vary there, and how much persons differ. A
/// team in one dress, or a room that becomes dark, has numbers of its own.
struct AppearanceModel {
    private let measure: AppearanceMeasure
    private let same: Double
    private let different: Double

    /// The measure's own numbers count as so many comparisons.
    private static let prior = 4.0

    /// Learns from what is certain: a track's beginning and end are of one person, tracks that overlap are of two.
    init(_ measure: AppearanceMeasure, _ tracks: [TrackRecord]) {
        self.measure = measure
        var same = (sum: Self.prior * measure.samePerson, count: Self.prior)
        var different = (sum: Self.prior * measure.differentPersons, count: Self.prior)
        for (index, track) in tracks.enumerated() {
            if track.observations >= TrackRecord.placesKept,
                let value = measure.squaredDifference(track.headAppearance, track.tailAppearance)
            {
                same = (same.sum + value, same.count + 1)
            }
            // Tracks are sorted by their beginning: the next one is as good as any.
            if index + 1 < tracks.count, tracks[index + 1].first.sequence <= track.last.sequence,
                let value = measure.squaredDifference(track.tailAppearance, tracks[index + 1].tailAppearance)
            {
                different = (different.sum + value, different.count + 1)
            }
        }
        self.same = same.sum / same.count
        self.different = different.sum / different.count
    }

    /// The logarithm of how much likelier two looks are as one person's than as two persons'. Zero where they say nothing,
    /// and where persons look no more different here than one person does from time to time.
    func evidence(_ a: [UInt8], _ b: [UInt8]) -> Double {
        guard different > same, !a.isEmpty, !b.isEmpty, let value = measure.squaredDifference(a, b) else { return 0 }
        // Differences are sums of squares of normal numbers with variances `same` and `different`.
        return measure.features / 2 * (log(different / same) - value * (1 / same - 1 / different))
    }
}
