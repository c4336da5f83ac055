extension PartColours {
    /// Reads the colours of one person from a picture.
    ///
    /// - Parameters:
    ///   - pixels: packed 8-bit RGB rows, `width * 3` bytes each, upright.
    ///   - keypoints: x, y in pixels and a score from 0 to 1, in the order of `layout`'s skeleton.
    package init(
        pixels: UnsafeRawBufferPointer, width: Int, height: Int, keypoints: [SIMD3<Float>], layout: BodyLayout
    ) {
        guard keypoints.count >= layout.count else {
            self = .unknown
            return
        }
        var sampler = Sampler(pixels: pixels, width: width, height: height)
        func joint(_ place: Int) -> SIMD3<Float> { keypoints[place] }
        let corners = [layout.leftShoulder, layout.rightShoulder, layout.leftHip, layout.rightHip].map(joint)
        let torsoLength = Self.length((corners[0] + corners[1] - corners[2] - corners[3]) / 2)
        var entries: [Entry] = []
        for part in Part.allCases {
            switch part {
            case .head:
                // Between the ears and towards the crown: helmet, hair or cap.
                let ears = (joint(layout.leftEar) + joint(layout.rightEar)) / 2
                let neck = (corners[0] + corners[1]) / 2
                sampler.bone(from: ears, to: ears + (ears - neck) * 0.4, halfWidth: 0.12 * torsoLength)
            case .torso:
                for across in stride(from: Float(0.2), through: 0.8, by: 0.15) {
                    let top = corners[0] + (corners[1] - corners[0]) * across
                    let bottom = corners[2] + (corners[3] - corners[2]) * across
                    sampler.bone(from: top, to: bottom, halfWidth: 0)
                }
            case .upperArms:
                sampler.bone(from: corners[0], to: joint(layout.leftElbow), halfWidth: 0.05 * torsoLength)
                sampler.bone(from: corners[1], to: joint(layout.rightElbow), halfWidth: 0.05 * torsoLength)
            case .forearms:
                for (elbow, wrist) in [
                    (layout.leftElbow, layout.leftWrist), (layout.rightElbow, layout.rightWrist),
                ] { sampler.bone(from: joint(elbow), to: joint(wrist), halfWidth: 0.04 * torsoLength) }
            case .thighs:
                sampler.bone(from: corners[2], to: joint(layout.leftKnee), halfWidth: 0.07 * torsoLength)
                sampler.bone(from: corners[3], to: joint(layout.rightKnee), halfWidth: 0.07 * torsoLength)
            case .shins:
                for (knee, ankle) in [(layout.leftKnee, layout.leftAnkle), (layout.rightKnee, layout.rightAnkle)] {
                    sampler.bone(from: joint(knee), to: joint(ankle), halfWidth: 0.05 * torsoLength)
                }
            }
            entries.append(sampler.take())
        }
        self.init(entries: entries)
    }

    private static func length(_ a: SIMD3<Float>) -> Float { (a.x * a.x + a.y * a.y).squareRoot() }

    /// Adds up pixels along bones.
    private struct Sampler {
        let pixels: UnsafeRawBufferPointer
        let width: Int
        let height: Int
        private var sum = SIMD3<Float>.zero
        private var weight: Float = 0
        private var asked: Float = 0

        init(pixels: UnsafeRawBufferPointer, width: Int, height: Int) {
            self.pixels = pixels
            self.width = width
            self.height = height
        }

        /// The middle 70 % of a bone, where the joints' own errors do not reach, on its line and to both sides.
        mutating func bone(from start: SIMD3<Float>, to end: SIMD3<Float>, halfWidth: Float) {
            let step = end - start
            let length = max((step.x * step.x + step.y * step.y).squareRoot(), 1e-3)
            let normal = SIMD3(-step.y, step.x, 0) / length * halfWidth
            let score = min(start.z, end.z)
            for along in stride(from: Float(0.15), through: 0.85, by: 0.1) {
                for side in halfWidth > 0 ? [-1, 0, 1] : [Float(0)] {
                    add(start + step * along + normal * side, score: score)
                }
            }
        }

        private mutating func add(_ point: SIMD3<Float>, score: Float) {
            asked += 1
            guard score > 0, point.x >= 0, point.y >= 0, point.x < Float(width), point.y < Float(height) else { return }
            let start = 3 * (Int(point.y) * width + Int(point.x))
            let (red, green, blue) = (Float(pixels[start]), Float(pixels[start + 1]), Float(pixels[start + 2]))
            let luma = 0.299 * red + 0.587 * green + 0.114 * blue
            let score = min(score, 1)
            sum += SIMD3(luma, (blue - luma) * 0.564, (red - luma) * 0.713) * score
            weight += score
        }

        mutating func take() -> Entry {
            defer { (sum, weight, asked) = (.zero, 0, 0) }
            guard weight > 0 else { return Entry(colour: .zero, weight: 0) }
            return Entry(colour: sum / weight, weight: weight / asked)
        }
    }
}
