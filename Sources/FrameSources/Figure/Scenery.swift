internal import Foundation

/// The unmoving background: sky, hills, a snowy slope with a few trees, drawn once.
struct Scenery {
    let width: Int
    let height: Int
    /// R, G, B of every pixel, row after row.
    private(set) var pixels: [UInt8]

    init(width: Int, height: Int, seed: Int) {
        self.width = width
        self.height = height
        pixels = [UInt8](repeating: 0, count: 3 * width * height)
        var random = SeededRandom(seed: seed)
        let phases = (0..<6).map { _ in 2 * Float.pi * random.nextUnit() }
        let trees = (0..<7).map { _ in (x: random.nextUnit(), size: 0.04 + 0.05 * random.nextUnit()) }
        let horizon = 0.5 * Float(height)
        let unit = Float(height)
        for x in 0..<width {
            let across = Float(x) / unit
            let hills = 0.06 * sin(2.1 * across + phases[0]) + 0.025 * sin(6.3 * across + phases[1])
            let ridge = horizon - unit * (0.10 + hills) + unit * 0.006 * sin(31 * across + phases[2])
            for y in 0..<height {
                let row = Float(y)
                var color: Vector
                if row < ridge {
                    color = Vector(0.45, 0.62, 0.84) + (row / max(horizon, 1)) * Vector(0.33, 0.24, 0.12)
                } else if row < horizon {
                    color = Vector(0.62, 0.68, 0.76) + 0.06 * sin(17 * across + 40 * row / unit) * Vector(1, 1, 1)
                } else {
                    let near = (row - horizon) / unit
                    let drift = 0.02 * sin(9 * across / (0.1 + near) + phases[3]) * sin(23 * near + phases[4])
                    let glitter = 0.025 * (random.nextUnit() - 0.5)
                    color = Vector(0.80, 0.84, 0.90) + near * Vector(0.14, 0.11, 0.08) + (drift + glitter)
                }
                for tree in trees {
                    let top = horizon - tree.size * unit
                    let down = (row - top) / (tree.size * unit * 1.2)
                    guard 0...1 ~= down else { continue }
                    let half = 0.30 * tree.size * (0.15 + down * (0.75 + 0.25 * sin(22 * down)))
                    if abs(across - tree.x * Float(width) / unit) < half { color = Vector(0.20, 0.29, 0.25) }
                }
                set(color, x, y)
            }
        }
    }

    private mutating func set(_ color: Vector, _ x: Int, _ y: Int) {
        let bytes = (255 * color).clamped(lowerBound: .zero, upperBound: Vector(repeating: 255))
        let start = 3 * (y * width + x)
        for channel in 0..<3 { pixels[start + channel] = UInt8(bytes[channel]) }
    }
}
