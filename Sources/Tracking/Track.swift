internal import Foundation

/// One person that is followed: what was seen of it last, and how sure it is.
package struct Track<Appearance> {
    /// The person's number in the session, from 1; never given twice.
    package let id: Int
    /// How often it was seen.
    package internal(set) var hits = 1
    /// Whether it was seen often enough.
    package internal(set) var isConfirmed = false
    /// The last observations, the oldest first. A young track's are filled up with copies of its first.
    package internal(set) var history: [TrackObservation]
    /// What it looks like.
    package internal(set) var appearance: Appearance

    /// The frame in which it was seen last.
    package var lastSeen: Int { history[history.count - 1].time }

    init(id: Int, terms: TrackTerms<Appearance>, time: Int, historyLength: Int) {
        self.id = id
        history = Array(
            repeating: TrackObservation(
                time: time, location: terms.location, camera: terms.camera, pose: terms.pose), count: historyLength)
        appearance = terms.appearance
    }

    init(id: Int, hits: Int, isConfirmed: Bool, history: [TrackObservation], appearance: Appearance) {
        self.id = id
        self.hits = hits
        self.isConfirmed = isConfirmed
        self.history = history
        self.appearance = appearance
    }

    /// Adds an observation.
    ///
    /// - Parameter forgetsPlace: the picture was cut: where the person was before says nothing.
    mutating func observe(
        _ terms: TrackTerms<Appearance>, time: Int, confirmedAfter hitsNeeded: Int, forgetsPlace: Bool
    ) {
        history.removeFirst()
        history.append(
            TrackObservation(time: time, location: terms.location, camera: terms.camera, pose: terms.pose))
        if forgetsPlace {
            for index in history.indices {
                history[index].location = terms.location
                history[index].camera = terms.camera
            }
        }
        hits += 1
        if hits >= hitsNeeded { isConfirmed = true }
    }

    /// Where the person is expected in a later frame, its pose still that of the last observation.
    ///
    /// Source: PHALP `forward_for_tracking`, attribute L. Location and the logarithm of nearness are lines in time; the more
    /// observations of the history share a time, the less their intervals count. Of a track that was seen once, the
    /// source takes the place as it is and the camera's coordinates for the intervals, which are wide: kept as it is,
    /// because the constants were fitted with it.
    package func expectation(at time: Int) -> TrackingCost.Expectation {
        let last = history[history.count - 1]
        guard hits > 1 else {
            return TrackingCost.Expectation(
                location: last.location, nearness: last.camera.z,
                locationInterval: SIMD2(last.camera.x, last.camera.y), nearnessInterval: last.camera.z, pose: last.pose)
        }
        let times = history.map { Double($0.time) }
        let moves = zip(times, times.dropFirst()).count { $0 != $1 }
        let weight = Double(times.count - moves)
        // The source never looks further ahead.
        let target = Double(min(time, last.time + 49))
        func forecast(_ penalty: Double, _ value: (TrackObservation) -> Double) -> RidgeForecast {
            RidgeForecast(times: times, values: history.map(value), penalty: penalty, at: target)
        }
        let x = forecast(1.2) { $0.location.x }
        let y = forecast(2) { $0.location.y }
        let nearness = forecast(5) { log($0.camera.z) }
        return TrackingCost.Expectation(
            location: SIMD2(x.value, y.value), nearness: exp(nearness.value),
            locationInterval: SIMD2(x.interval / weight, y.interval / weight),
            nearnessInterval: exp(nearness.interval) / weight, pose: last.pose)
    }
}
