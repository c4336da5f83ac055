import Tracking

/// PHALP with given embeddings for appearances (its setting `predict: AL`), as the reference runs it.
struct EmbeddingTracking: TrackingModel {
    func distances(_ tracks: [[Float]], _ detections: [[Float]]) -> [[Double]] {
        tracks.map { track in detections.map { TrackingCost.squaredDistance(track, $0) / 1e6 } }
    }
    func mixed(_ old: [Float], with new: [Float], confidence: Double) -> [Float] { new }
    func bytes(_ appearance: [Float]) -> [UInt8] {
        var writer = StateWriter()
        writer.write(appearance)
        return writer.bytes
    }
    func appearance(bytes: [UInt8]) -> [Float]? {
        var reader = StateReader(bytes)
        return reader.floats()
    }
}
