/// Draws meshes into a block of samples with a depth buffer, then averages the samples into the picture.
///
/// The block covers only the part of the image where something is drawn, at twice its resolution in both directions:
/// that smooths the edges.
struct Rasterizer {
    static let samplesPerPixel = 2

    /// The part of the image that the samples cover, in pixels.
    private var left = 0
    private var top = 0
    private var columns = 0
    private var rows = 0
    /// 1 / distance of the nearest surface so far; 0 where nothing was drawn.
    private var nearness: [Float] = []
    /// Colour and, in the last component, whether something was drawn.
    private var samples: [SIMD4<Float>] = []

    /// A vertex in the image.
    struct Vertex {
        /// In pixels.
        var x: Float
        var y: Float
        var nearness: Float
        /// In camera space.
        var normal: Vector
        /// On the standing body.
        var place: Vector
        var material: Material
    }

    /// Clears the samples and moves them over a part of the image, in whole pixels.
    mutating func begin(left: Int, top: Int, right: Int, bottom: Int) {
        (self.left, self.top) = (left, top)
        columns = max(0, right - left) * Self.samplesPerPixel
        rows = max(0, bottom - top) * Self.samplesPerPixel
        let count = columns * rows
        if samples.count < count {
            samples = Array(repeating: .zero, count: count)
            nearness = Array(repeating: 0, count: count)
        }
        for index in 0..<count {
            samples[index] = .zero
            nearness[index] = 0
        }
    }

    /// Draws triangles; those that face away are left out.
    mutating func draw(_ vertices: [Vertex], _ triangles: [(Int32, Int32, Int32)], _ paint: some Paint) {
        let scale = Float(Self.samplesPerPixel)
        let (columns, rows, left, top) = (columns, rows, Float(left), Float(top))
        vertices.withUnsafeBufferPointer { vertices in
            nearness.withUnsafeMutableBufferPointer { nearness in
                samples.withUnsafeMutableBufferPointer { samples in
                    for (i, j, k) in triangles {
                        let (a, b, c) = (vertices[Int(i)], vertices[Int(j)], vertices[Int(k)])
                        let ax = (a.x - left) * scale, ay = (a.y - top) * scale
                        let bx = (b.x - left) * scale, by = (b.y - top) * scale
                        let cx = (c.x - left) * scale, cy = (c.y - top) * scale
                        let area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
                        guard area < 0 else { continue }
                        let firstX = max(0, Int((min(ax, bx, cx) - 0.5).rounded(.up)))
                        let lastX = min(columns - 1, Int((max(ax, bx, cx) - 0.5).rounded(.down)))
                        let firstY = max(0, Int((min(ay, by, cy) - 0.5).rounded(.up)))
                        let lastY = min(rows - 1, Int((max(ay, by, cy) - 0.5).rounded(.down)))
                        guard firstX <= lastX, firstY <= lastY else { continue }
                        let inverse = 1 / area
                        for y in firstY...lastY {
                            let py = Float(y) + 0.5
                            for x in firstX...lastX {
                                let px = Float(x) + 0.5
                                let wa = ((bx - px) * (cy - py) - (by - py) * (cx - px)) * inverse
                                let wb = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) * inverse
                                let wc = 1 - wa - wb
                                guard wa >= 0, wb >= 0, wc >= 0 else { continue }
                                let near = wa * a.nearness + wb * b.nearness + wc * c.nearness
                                let index = y * columns + x
                                guard near > nearness[index] else { continue }
                                nearness[index] = near
                                let normal = normalized(wa * a.normal + wb * b.normal + wc * c.normal)
                                let place = wa * a.place + wb * b.place + wc * c.place
                                let color = paint.color(a.material, at: place) * Self.light(on: normal)
                                samples[index] = SIMD4(color, 1)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Sun from the upper left, sky from above, snow from below.
    @inline(__always)
    private static func light(on normal: Vector) -> Vector {
        let sun = Vector(-0.45, -0.70, -0.55)  // towards the sun, in camera space
        let direct = max(0, dot(normal, sun))
        let upwards = 0.5 - 0.5 * normal.y
        return Vector(0.40, 0.42, 0.46) + upwards * Vector(0.10, 0.12, 0.16) + direct * Vector(0.62, 0.58, 0.50)
    }

    /// 1 / distance of the surface drawn at a pixel, 0 if there is none.
    func nearness(atX x: Float, y: Float) -> Float {
        let column = Int(((x - Float(left)) * Float(Self.samplesPerPixel)).rounded(.down))
        let row = Int(((y - Float(top)) * Float(Self.samplesPerPixel)).rounded(.down))
        guard 0..<columns ~= column, 0..<rows ~= row else { return 0 }
        return nearness[row * columns + column]
    }

    /// Averages the samples over the picture behind them.
    ///
    /// - Parameter opacity: 0 to 1: how much of the picture behind a surface is covered.
    func finish(into pixels: inout [UInt8], width: Int, opacity: Float = 1) {
        let step = Self.samplesPerPixel
        let share = 1 / Float(step * step)
        for y in 0..<(rows / step) {
            for x in 0..<(columns / step) {
                let first = y * step * columns + x * step
                var sum = samples[first] + samples[first + 1]
                sum += samples[first + columns] + samples[first + columns + 1]
                guard sum.w > 0 else { continue }
                let covered = opacity * sum.w * share
                let target = 3 * ((top + y) * width + left + x)
                for channel in 0..<3 {
                    let behind = Float(pixels[target + channel]) * (1 - covered)
                    pixels[target + channel] = UInt8(min(255, behind + 255 * opacity * share * sum[channel]))
                }
            }
        }
    }
}

/// What gives a surface its colour.
protocol Paint {
    /// The colour of a place on the body at rest, components 0…1, before light falls on it.
    func color(_ material: Material, at place: Vector) -> Vector
}
