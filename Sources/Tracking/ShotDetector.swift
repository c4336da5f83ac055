/// Notices that a frame begins a new shot, from the frames before it and itself alone.
///
/// What PySceneDetect's `AdaptiveDetector` does for PHALP with frames before and after, done for a live stream: a cut is a
/// frame that differs from the last one by much, and by much more than frames there did lately. A camera that turns or
/// shakes moves the picture; so the difference is taken at the best of many small displacements, where it is what
/// motion does not explain.
package struct ShotDetector: Sendable, Equatable {
    /// Cells of the small pictures that are compared.
    package static let (columns, rows) = (32, 18)

    private var last: [SIMD3<Float>] = []
    /// The latest differences, the oldest first.
    private var recent: [Float] = []

    package init() {}

    /// Takes the next frame.
    ///
    /// - Parameter pixels: packed 8-bit RGB rows, `width * 3` bytes each.
    /// - Returns: whether it begins a shot. The first frame does not: nothing came before it.
    package mutating func isShot(pixels: UnsafeRawBufferPointer, width: Int, height: Int) -> Bool {
        isShot(Self.thumbnail(pixels, width: width, height: height))
    }

    /// Takes the next frame as a small picture; see `thumbnail`.
    package mutating func isShot(_ picture: [SIMD3<Float>]) -> Bool {
        defer { last = picture }
        guard !last.isEmpty else { return false }
        let difference = Self.unexplained(last, picture)
        let usual = recent.isEmpty ? 0 : recent.sorted()[recent.count / 2]
        let isShot = difference >= Self.leastDifference && difference >= Self.leastRatio * usual
        if isShot {
            // The new shot has differences of its own.
            recent = []
        } else {
            recent.append(difference)
            if recent.count > Self.memory { recent.removeFirst() }
        }
        return isShot
    }

    /// A picture of 32 × 18 cells, each the mean colour of some of its pixels.
    package static func thumbnail(_ pixels: UnsafeRawBufferPointer, width: Int, height: Int) -> [SIMD3<Float>] {
        var picture: [SIMD3<Float>] = []
        picture.reserveCapacity(columns * rows)
        let samples = 4
        for row in 0..<rows {
            for column in 0..<columns {
                var sum = SIMD3<Float>.zero
                for y in 0..<samples {
                    let line = (row * samples + y) * height / (rows * samples)
                    for x in 0..<samples {
                        let place = 3 * (line * width + (column * samples + x) * width / (columns * samples))
                        sum += SIMD3(Float(pixels[place]), Float(pixels[place + 1]), Float(pixels[place + 2]))
                    }
                }
                picture.append(sum / Float(samples * samples))
            }
        }
        return picture
    }

    /// The mean difference of two pictures in grey levels, at the displacement of at most a fifth of their width and height
    /// where it is least.
    package static func unexplained(_ a: [SIMD3<Float>], _ b: [SIMD3<Float>]) -> Float {
        var least = Float.infinity
        for dy in -3...3 {
            for dx in -6...6 {
                var sum = SIMD3<Float>.zero
                for row in max(0, dy)..<min(rows, rows + dy) {
                    let start = row * columns
                    let other = (row - dy) * columns - dx
                    for column in max(0, dx)..<min(columns, columns + dx) {
                        let change = a[start + column] - b[other + column]
                        sum += change.replacing(with: -change, where: change .< 0)
                    }
                }
                let cells = (rows - abs(dy)) * (columns - abs(dx))
                least = min(least, sum.sum() / Float(3 * cells))
            }
        }
        return least
    }

    // MARK: - Bytes

    package func save(to writer: inout StateWriter) {
        // A level of 255 is enough of a picture that is only compared.
        writer.write(
            last.flatMap { cell in (0..<3).map { UInt8(min(max(cell[$0].rounded(), 0), 255)) } } as [UInt8])
        writer.write(recent)
    }

    package mutating func restore(from reader: inout StateReader) -> Bool {
        guard let levels = reader.byteArray(), levels.isEmpty || levels.count == 3 * Self.columns * Self.rows,
            let recent = reader.floats()
        else { return false }
        last = stride(from: 0, to: levels.count, by: 3).map {
            SIMD3(Float(levels[$0]), Float(levels[$0 + 1]), Float(levels[$0 + 2]))
        }
        self.recent = recent
        return true
    }

    /// Grey levels: half-way between what motion leaves at most (18 in a jump filmed from behind, of neighbouring frames) and
    /// what two unrelated pictures of one slope differ by at least (25 in 1 of 100 pairs that are seconds apart).
    private static let leastDifference: Float = 22
    /// A wild pan differs by as much from frame to frame, but so did the frame before.
    private static let leastRatio: Float = 2
    private static let memory = 9
}
