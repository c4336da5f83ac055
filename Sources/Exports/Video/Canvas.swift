internal import Foundation
internal import JPEG

/// An RGB picture that is drawn on: 8 bits a channel, rows without padding, origin top left.
struct Canvas {
    let width: Int
    let height: Int
    var pixels: [UInt8]

    /// A grey picture.
    init(width: Int, height: Int, grey: UInt8 = 64) {
        (self.width, self.height) = (width, height)
        pixels = [UInt8](repeating: grey, count: 3 * width * height)
    }

    /// A copy of a picture; one of another size lies in the top left corner, and is cut where it is larger.
    init(_ image: DecodedImage, width: Int, height: Int) {
        self.init(width: width, height: height, grey: 0)
        let (columns, rows, line) = (min(width, image.width), min(height, image.height), 3 * width)
        pixels.withUnsafeMutableBytes { pixels in
            image.withUnsafeBytes { source in
                for row in 0..<rows {
                    pixels[(row * line)..<(row * line + 3 * columns)].copyBytes(
                        from: source[(row * image.bytesPerRow)..<(row * image.bytesPerRow + 3 * columns)])
                }
            }
        }
    }

    /// Takes the colour out, and half the light: this is not a frame that was looked at.
    mutating func fade() {
        pixels.withUnsafeMutableBufferPointer { pixels in
            for first in stride(from: 0, to: pixels.count, by: 3) {
                let light = (2 * Int(pixels[first]) + 5 * Int(pixels[first + 1]) + Int(pixels[first + 2])) / 16
                for channel in 0..<3 { pixels[first + channel] = UInt8(light) }
            }
        }
    }

    /// A line with round ends and smooth edges.
    ///
    /// - Parameters:
    ///   - width: pixels.
    ///   - color: sRGB, 0 to 1.
    ///   - opacity: 0 to 1.
    mutating func line(
        from start: SIMD2<Float>, to end: SIMD2<Float>, width: Float, color: SIMD3<Float>, opacity: Float = 1
    ) {
        let radius = width / 2
        guard let area = area(around: pointwiseMin(start, end), pointwiseMax(start, end), margin: radius + 1) else {
            return
        }
        let along = end - start
        let squared = max((along * along).sum(), 1e-6)
        for y in area.rows {
            for x in area.columns {
                let point = SIMD2(Float(x) + 0.5, Float(y) + 0.5) - start
                let share = min(max((point * along).sum() / squared, 0), 1)
                let off = point - share * along
                blend(x, y, color, opacity * (radius + 0.5 - (off * off).sum().squareRoot()))
            }
        }
    }

    /// A filled circle with a smooth edge.
    mutating func disc(_ center: SIMD2<Float>, radius: Float, color: SIMD3<Float>, opacity: Float = 1) {
        line(from: center, to: center, width: 2 * radius, color: color, opacity: opacity)
    }

    /// A filled rectangle of whole pixels.
    mutating func rectangle(x: Int, y: Int, width: Int, height: Int, color: SIMD3<Float>, opacity: Float) {
        for row in max(0, y)..<max(0, y, min(self.height, y + height)) {
            for column in max(0, x)..<max(0, x, min(self.width, x + width)) { blend(column, row, color, opacity) }
        }
    }

    /// A line of text on a dark ground; letters are shown as capitals, what the font lacks as a blank.
    ///
    /// - Parameters:
    ///   - x: the ground's left edge, moved so that it lies inside of the picture.
    ///   - scale: pixels for each of the font's.
    mutating func label(_ text: String, x: Int, y: Int, scale: Int, color: SIMD3<Float>) {
        let characters = Array(text.uppercased())
        let (columns, rows) = (scale * (6 * characters.count + 3), scale * 11)
        let (left, top) = (max(0, min(x, width - columns)), max(0, min(y, height - rows)))
        rectangle(x: left, y: top, width: columns, height: rows, color: .zero, opacity: 0.6)
        for (place, character) in characters.enumerated() {
            for (row, bits) in PixelFont.rows(of: character).enumerated() {
                for column in 0..<5 where bits & (16 >> UInt8(column)) != 0 {
                    rectangle(
                        x: left + scale * (2 + 6 * place + column), y: top + scale * (2 + row), width: scale,
                        height: scale, color: color, opacity: 1)
                }
            }
        }
    }

    private func area(
        around low: SIMD2<Float>, _ high: SIMD2<Float>, margin: Float
    ) -> (columns: Range<Int>, rows: Range<Int>)? {
        guard low.x.isFinite, low.y.isFinite, high.x.isFinite, high.y.isFinite else { return nil }
        func range(_ low: Float, _ high: Float, _ size: Int) -> Range<Int>? {
            let (first, last) = (max(low - margin, 0), min(high + margin, Float(size)))
            return first < last ? Int(first)..<min(size, Int(last) + 1) : nil
        }
        guard let columns = range(low.x, high.x, width), let rows = range(low.y, high.y, height) else { return nil }
        return (columns, rows)
    }

    @inline(__always)
    private mutating func blend(_ x: Int, _ y: Int, _ color: SIMD3<Float>, _ opacity: Float) {
        guard opacity > 0 else { return }
        let share = min(opacity, 1)
        let first = 3 * (y * width + x)
        for channel in 0..<3 {
            let before = Float(pixels[first + channel])
            pixels[first + channel] = UInt8(min(max(before + share * (255 * color[channel] - before), 0), 255))
        }
    }
}
