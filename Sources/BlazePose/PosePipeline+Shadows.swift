extension PosePipeline {
    /// Whether a newly found pose is the shadow of somebody near by: of one colour from head to foot.
    ///
    /// To both networks a clear shadow on snow is a person. A person's head, clothes and skin differ: on riders the second
    /// most deviant of nine places on the body was 30 levels or more away from the median colour in each of some 700
    /// frames, on shadows 12 at most. Somebody who is alone is believed whatever the colours: a figure against the sun
    /// is as even as a shadow, and a shadow without anybody near is rare.
    package func isShadow(_ estimate: PoseEstimate, in image: RGBImage, of others: [PoseRegion]) throws -> Bool {
        let body = estimate.bodyRegion
        let isNear = others.contains { other in
            body.center.distance(to: other.center) < PosePipeline.shadowLength * max(other.size, body.size)
        }
        guard isNear else { return false }
        let colours = estimate.bodyColours(
            in: try image.fine(enoughFor: body.size / Float(LandmarkDecoder.inputSide)))
        guard colours.count > PosePipeline.leastPlaces else { return false }
        let median = SIMD3<Float>(
            Self.median(colours.map(\.x)), Self.median(colours.map(\.y)), Self.median(colours.map(\.z)))
        let deviations = colours.map { colour in
            let change = colour - median
            return (change * change).sum().squareRoot()
        }.sorted()
        // The most deviant place may have missed the body.
        return deviations[deviations.count - 2] < PosePipeline.shadowDeviation
    }

    private static func median(_ values: [Float]) -> Float { values.sorted()[values.count / 2] }

    /// Body sizes: how far from somebody a shadow lies.
    private static let shadowLength: Float = 2
    /// Half-way, as ratios go, between the largest of shadows and the smallest of persons.
    private static let shadowDeviation: Float = 19
    private static let leastPlaces = 5
}

extension PoseEstimate {
    /// The colours at nine places on the body that are in the picture: head, chest, belly, upper arms, thighs, shins. Each the
    /// mean of three by three pixels that are held, in levels of red, green and blue.
    fileprivate func bodyColours(in image: RGBImage) -> [SIMD3<Float>] {
        guard landmarks.count >= 29 else { return [] }
        func middle(_ a: Int, _ b: Int) -> Point { (landmarks[a].position + landmarks[b].position) * 0.5 }
        let shoulders = middle(11, 12)
        let hips = middle(23, 24)
        let places =
            [middle(7, 8), shoulders * 0.7 + hips * 0.3, shoulders * 0.3 + hips * 0.7]
            + [(11, 13), (12, 14), (23, 25), (24, 26), (25, 27), (26, 28)].map { middle($0.0, $0.1) }
        return image.withUnsafeBytes { bytes in
            places.compactMap { place in
                let place = place * (1 / Float(image.reduction))
                guard place.x >= 1, place.y >= 1, place.x < Float(image.heldWidth - 1),
                    place.y < Float(image.heldHeight - 1)
                else { return nil }
                var sum = SIMD3<Float>.zero
                for y in -1...1 {
                    for x in -1...1 {
                        let start = (Int(place.y) + y) * image.bytesPerRow + 3 * (Int(place.x) + x)
                        sum += SIMD3(Float(bytes[start]), Float(bytes[start + 1]), Float(bytes[start + 2]))
                    }
                }
                return sum / 9
            }
        }
    }
}
