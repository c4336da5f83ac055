/// Gives the persons of one session their identities, frame by frame.
///
/// Source: PHALP (Rajasegaran et al., "Tracking People by Predicting 3D Appearance, Location and Pose", CVPR 2022),
/// `external/deep_sort_/tracker.py` and `track.py`. Given the same detections it gives the same identities; what it goes by
/// is the `TrackingModel`'s business, so that engines with a body model and without one share it.
///
/// Frames have numbers and may be missing: a dropped frame is one in which nobody was looked for, and time goes on.
package struct PersonTracker<Model: TrackingModel> {
    /// The published settings.
    package struct Options: Sendable, Equatable {
        /// Observations that a track remembers.
        package var history = 7
        /// Observations after which it is confirmed.
        package var confirmedAfter = 5
        /// Frames for which a confirmed one is remembered unseen.
        package var largestAge = 50
        /// A pair that costs more is none.
        package var largestCost = 100.0
        /// How a pair is judged.
        package var cost = TrackingCost.equation019
        /// How it is judged in the first frame of a shot.
        package var costAtShot = TrackingCost.equation019
        /// The dearest pair in the first frame of a shot.
        package var largestCostAtShot = 100.0
        /// Whether a shot's first frame ends the tracks that do not go on in it: where they were says nothing any more about
        /// where somebody may come back.
        package var endsTracksAtShot = false

        /// The defaults.
        package init() {}
    }

    /// One detection's identity.
    package struct Identity: Sendable, Equatable {
        /// The track's number.
        package var id: Int
        /// Whether it has been seen often enough.
        package var isConfirmed: Bool
    }

    /// A confirmed person that is not there, and where it should be.
    package struct Prediction: Sendable, Equatable {
        /// The track's number.
        package var id: Int
        /// The last frame in which it was seen.
        package var lastSeen: Int
        /// Where it is expected now.
        package var expectation: TrackingCost.Expectation
    }

    /// What became of a frame.
    package struct Answer: Sendable, Equatable {
        /// One a detection, in order.
        package var identities: [Identity]
        /// Confirmed tracks without a detection, in the order of their numbers.
        package var predictions: [Prediction]
    }

    package let options: Options
    package let model: Model
    /// Everybody who is remembered, in the order of their numbers.
    package internal(set) var tracks: [Track<Model.Appearance>] = []
    /// The number of the next new person.
    package internal(set) var nextID = 1
    /// The last frame.
    package internal(set) var time: Int?

    package init(model: Model, options: Options = Options()) {
        self.model = model
        self.options = options
    }

    /// Takes the next frame's persons.
    ///
    /// - Parameters:
    ///   - detections: the persons, in any order.
    ///   - time: the frame's number, above that of the last.
    ///   - isShot: whether it begins a shot: where people were before says nothing about where they are.
    /// - Throws: what the model throws; the tracker is then as before.
    package mutating func update(
        _ detections: [TrackTerms<Model.Appearance>], time: Int, isShot: Bool = false
    ) throws -> Answer {
        let expectations = try expectations(at: time)
        let pairs = try matches(expectations, detections, isShot: isShot)
        var updated = tracks
        for pair in pairs.matched {
            let terms = detections[pair.detection]
            updated[pair.track].appearance = try model.mixed(
                tracks[pair.track].appearance, with: terms.appearance, confidence: terms.confidence)
            updated[pair.track].observe(
                terms, time: time, confirmedAfter: options.confirmedAfter, forgetsPlace: isShot)
        }

        var identities = [Identity?](repeating: nil, count: detections.count)
        var predictions: [Prediction] = []
        var kept: [Track<Model.Appearance>] = []
        let detectionOfTrack = Dictionary(uniqueKeysWithValues: pairs.matched.map { ($0.track, $0.detection) })
        for (index, track) in updated.enumerated() {
            if let detection = detectionOfTrack[index] {
                identities[detection] = Identity(id: track.id, isConfirmed: track.isConfirmed)
                kept.append(track)
            } else if track.isConfirmed, time - track.lastSeen <= options.largestAge,
                !(isShot && options.endsTracksAtShot)
            {
                predictions.append(
                    Prediction(id: track.id, lastSeen: track.lastSeen, expectation: expectations[index]))
                kept.append(track)
            }
        }
        for detection in pairs.unmatchedDetections {
            kept.append(
                Track(id: nextID, terms: detections[detection], time: time, historyLength: options.history))
            identities[detection] = Identity(id: nextID, isConfirmed: false)
            nextID += 1
        }
        tracks = kept
        self.time = time
        return Answer(identities: identities.compactMap { $0 }, predictions: predictions)
    }

    /// Where everybody should be in a later frame, in the order of `tracks`.
    package func expectations(at time: Int) throws -> [TrackingCost.Expectation] {
        var expectations = tracks.map { $0.expectation(at: time) }
        // Of somebody seen once, a model of motion knows nothing.
        let known = tracks.indices.filter { tracks[$0].hits > 1 }
        guard !known.isEmpty else { return expectations }
        let poses = try model.poses(known.map { tracks[$0].history }, at: known.map { _ in time })
        for (index, pose) in zip(known, poses) { expectations[index].pose = pose }
        return expectations
    }

    private struct Pair {
        var track: Int
        var detection: Int
    }

    private func matches(
        _ expectations: [TrackingCost.Expectation], _ detections: [TrackTerms<Model.Appearance>], isShot: Bool
    ) throws -> (matched: [Pair], unmatchedDetections: [Int]) {
        guard !tracks.isEmpty, !detections.isEmpty else { return ([], Array(detections.indices)) }
        let cost = isShot ? options.costAtShot : options.cost
        let limit = isShot ? options.largestCostAtShot : options.largestCost
        let appearances = try model.distances(tracks.map(\.appearance), detections.map(\.appearance))
        // The source pairs everybody, at no more than the limit and a little, and then parts who cost more than the limit. That
        // is the same as to gain what a pair costs less than that.
        let gains = expectations.indices.map { track in
            var possible: [(right: Int, gain: Double)] = []
            for detection in detections.indices {
                let price = cost(
                    expectations[track], detections[detection], appearanceDistance: appearances[track][detection])
                if price <= limit { possible.append((right: detection, gain: limit + 1e-5 - price)) }
            }
            return possible
        }
        let partners = Matching.partners(gains, rights: detections.count)
        let matched = partners.enumerated().compactMap { track, detection in
            detection.map { Pair(track: track, detection: $0) }
        }
        let taken = Set(matched.map(\.detection))
        return (matched, detections.indices.filter { !taken.contains($0) })
    }
}
