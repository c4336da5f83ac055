/// Appearances as embeddings of which the newest counts, and poses that stay: PHALP's setting `predict: AL`.
///
/// What the comparison with the public tracker runs, since there both can be given the same numbers.
package struct EmbeddingTracking: TrackingModel {
    package init() {}

    /// The squared distance of embeddings in thousands, as the source has it.
    package func distances(_ tracks: [[Float]], _ detections: [[Float]]) -> [[Double]] {
        tracks.map { track in detections.map { TrackingCost.squaredDistance(track, $0) / 1e6 } }
    }

    package func mixed(_ old: [Float], with new: [Float], confidence: Double) -> [Float] { new }

    package func bytes(_ appearance: [Float]) -> [UInt8] {
        var writer = StateWriter()
        writer.write(appearance)
        return writer.bytes
    }

    package func appearance(bytes: [UInt8]) -> [Float]? {
        var reader = StateReader(bytes)
        return reader.floats()
    }
}
