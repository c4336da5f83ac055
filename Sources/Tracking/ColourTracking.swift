/// The tracker's terms where there are joints and pixels and nothing else: colours of the parts of the body, and a pose
/// that stays as it was last seen.
package struct ColourTracking: TrackingModel {
    package init() {}

    /// A squared difference of three times what is typical within one person doubles the cost of the pair.
    package func distances(_ tracks: [PartColours], _ detections: [PartColours]) -> [[Double]] {
        tracks.map { track in
            detections.map { detection in
                // What says nothing costs nothing.
                (track.difference(from: detection) ?? 0) / 3 / TrackingCost.equation019.appearance
            }
        }
    }

    package func mixed(_ old: PartColours, with new: PartColours, confidence: Double) -> PartColours {
        old.mixed(with: new, confidence: confidence)
    }

    package func bytes(_ appearance: PartColours) -> [UInt8] { appearance.bytes }

    package func appearance(bytes: [UInt8]) -> PartColours? { PartColours(bytes: bytes) }
}
