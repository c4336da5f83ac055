package import Tensor

/// What a track remembers of a person's texture.
///
/// Source: PHALP `phalp/external/deep_sort_/track.py`, `Track.update` (under "T").
package enum TextureMixing {
    /// A detection's share at a confidence of 1.
    package static let share: Float = 0.1

    /// The texture after a detection: mixed where both show it, and otherwise what one of the two shows.
    ///
    /// - Parameters:
    ///   - old: the track's, (4, 256, 256): colour, and 1 or -1 for seen or not.
    ///   - new: the detection's, of the same shape on the same device.
    ///   - confidence: the detection's score, 0…1; its share is `0.1 · confidence²`.
    /// - Returns: (4, 256, 256), on their device.
    /// - Throws: `TorchError` where the shapes do not fit each other.
    package static func mixed(old: Tensor, new: Tensor, confidence: Float) throws(TorchError) -> Tensor {
        func constant(_ value: Float) throws(TorchError) -> Tensor {
            try Tensor(floats: [value], shape: [1]).to(old.device)
        }
        func colour(_ texture: Tensor) throws(TorchError) -> Tensor {
            try texture.narrowed(dimension: 0, start: 0, count: 3)
        }
        let (zero, one) = (try constant(0), try constant(1))
        let sawOld = try old.narrowed(dimension: 0, start: 3, count: 1).isEqual(to: one)
        let sawNew = try new.narrowed(dimension: 0, start: 3, count: 1).isEqual(to: one)
        let alpha = share * (confidence * confidence)
        let blend = try colour(old).times(try constant(1 - alpha)).plus(try colour(new).times(try constant(alpha)))
        let single = try sawOld.choosing(try colour(old), try sawNew.choosing(try colour(new), zero))
        let mask = try sawOld.plus(sawNew).choosing(one, try constant(-1))
        return try Tensor.concatenated([sawOld.times(sawNew).choosing(blend, single), mask], dimension: 0)
    }
}
