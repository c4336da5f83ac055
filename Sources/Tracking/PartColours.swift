/// What a person looks like: the mean colour of each part of the body.
///
/// The pixels are those around the bones, within the body whatever it wears: a mask that costs nothing. Left and right
/// limbs count as one part, since clothes are mostly alike on both sides and one side is often hidden.
package struct PartColours: Sendable, Equatable {
    /// Parts of the body.
    package enum Part: Int, CaseIterable, Sendable {
        case head, torso, upperArms, forearms, thighs, shins
    }

    /// One part.
    package struct Entry: Sendable, Equatable {
        /// Luma, blue difference, red difference (ITU-R BT.601, full range), 0 to 255 and twice −128 to 127.
        package var colour: SIMD3<Float>
        /// How much of the part was seen, 0 to 1.
        package var weight: Float
    }

    /// One a part, in the order of `Part`.
    package private(set) var entries: [Entry]

    /// Nothing was seen.
    package static let unknown = PartColours(
        entries: Part.allCases.map { _ in Entry(colour: .zero, weight: 0) })

    package init(entries: [Entry]) {
        precondition(entries.count == Part.allCases.count, "one entry a part of the body")
        self.entries = entries
    }

    /// How different two persons look: the mean squared difference of the parts that both show, 1 being what is
    /// typical for two observations of one person half a second apart. Nil where no part is seen in both.
    ///
    /// Luma counts half: sun and shade change it on one person more than the colour.
    package func difference(from other: PartColours) -> Double? {
        var sum: Float = 0
        var weight: Float = 0
        for (a, b) in zip(entries, other.entries) {
            let shared = min(a.weight, b.weight)
            let change = (a.colour - b.colour) * SIMD3(0.5, 1, 1)
            sum += shared * (change * change).sum()
            weight += shared
        }
        guard weight >= Self.leastWeight else { return nil }
        return Double(sum / weight) / Self.typicalSquare
    }

    /// A slow mean, so that one frame's shadow or neighbour changes little; what was not known is taken over at once.
    ///
    /// Source of the rate: PHALP `track.py`, which mixes textures so.
    package func mixed(with new: PartColours, confidence: Double) -> PartColours {
        let rate = Float(0.1 * confidence * confidence)
        return PartColours(
            entries: zip(entries, new.entries).map { old, new in
                guard old.weight > 0 else { return new }
                guard new.weight > 0 else { return old }
                return Entry(
                    colour: old.colour + (new.colour - old.colour) * rate,
                    weight: old.weight + (new.weight - old.weight) * rate)
            })
    }

    // MARK: - Bytes

    /// Four bytes a part: the colour to one level, the weight to 1/255.
    package var bytes: [UInt8] {
        entries.flatMap { entry -> [UInt8] in
            [
                UInt8(clamped: entry.colour.x), UInt8(clamped: entry.colour.y + 128),
                UInt8(clamped: entry.colour.z + 128),
                UInt8(clamped: entry.weight * 255),
            ]
        }
    }

    /// From `bytes`; nil where they are something else.
    package init?(bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == 4 * Part.allCases.count else { return nil }
        entries = stride(from: 0, to: bytes.count, by: 4).map { start in
            Entry(
                colour: SIMD3(Float(bytes[start]), Float(bytes[start + 1]) - 128, Float(bytes[start + 2]) - 128),
                weight: Float(bytes[start + 3]) / 255)
        }
    }

    /// Parts that must be shared for a comparison to say anything.
    private static let leastWeight: Float = 0.5
    /// In squared levels: the median between two frames of one rider half a second apart, in two clips filmed outdoors (60 to
    /// 420; seconds apart 170 to 450). Between two riders it was 1,400, and 500 or more in 99 of 100 pairs of frames.
    package static let typicalSquare = 180.0
}

extension UInt8 {
    fileprivate init(clamped value: Float) {
        self = UInt8(Swift.min(Swift.max(value.rounded(), 0), 255))
    }
}
