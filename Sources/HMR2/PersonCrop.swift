internal import Foundation
internal import Tensor

/// The square around a person that the network is shown, as 4D-Humans cuts it.
///
/// Source: 4D-Humans `hmr2/datasets/vitdet_dataset.py` and `hmr2/datasets/utils.py` (`expand_to_aspect_ratio`,
/// `generate_image_patch_cv2`).
package struct PersonCrop: Sendable, Equatable {
    /// Pixels of the crop's side.
    package static let size = 256
    /// The network sees the middle 192 columns.
    static let columns = 32..<224

    /// The middle in pixels of the picture.
    package let centerX: Float, centerY: Float
    /// The square's side in pixels of the picture.
    package let side: Float

    /// The square around a box: the box grown to 3 : 4, of which the square has the longer side; a pixel at least.
    package init(x: Float, y: Float, width: Float, height: Float) {
        centerX = x + width / 2
        centerY = y + height / 2
        // 192 : 256. What is wider than that grows in height, what is narrower in width.
        side = max(width * 256 / 192, height, 1)
    }
}

/// What the network subtracts from grey levels and multiplies them with, on its device.
struct GreyLevels {
    let mean: Tensor  // (1, 3, 1)
    let scale: Tensor  // (1, 3, 1)

    /// - Parameters:
    ///   - mean: of each channel, as a part of white.
    ///   - deviation: likewise.
    init(mean: [Float], deviation: [Float], device: Device) throws(TorchError) {
        self.mean = try Tensor(floats: mean.map { $0 * 255 }, shape: [1, 3, 1], device: device)
        scale = try Tensor(floats: deviation.map { 1 / ($0 * 255) }, shape: [1, 3, 1], device: device)
    }
}

/// Pictures from which crops are taken, on the device that the network runs on.
final class CropSource {
    private let image: Tensor  // (H, W, 3), uint8
    private let width: Int
    private let height: Int
    private let grey: GreyLevels

    /// Uploads a picture once for all persons in it.
    ///
    /// - Parameter pixels: (H, W, 3), red first.
    init(_ pixels: Tensor, grey: GreyLevels, device: Device) throws(TorchError) {
        let shape = pixels.shape
        guard shape.count == 3, shape[2] == 3, shape[0] > 0, shape[1] > 0 else {
            throw TorchError(operation: "reading a picture", message: "its shape is \(shape), not (height, width, 3)")
        }
        (height, width) = (shape[0], shape[1])
        image = try pixels.to(device)
        self.grey = grey
    }

    /// The crop, normalised: (1, 3, 256, columns).
    ///
    /// - Parameter columns: of the square's 256; the network takes `PersonCrop.columns`.
    func normalized(_ crop: PersonCrop, columns: Range<Int> = PersonCrop.columns) throws(TorchError) -> Tensor {
        // (256, 3, columns)
        let pixels = try levels(crop, columns: columns)
        return try pixels.minus(grey.mean).times(grey.scale).permuted([1, 0, 2]).contiguous()
            .reshaped([1, 3, PersonCrop.size, columns.count])
    }

    /// The crop in grey levels, (256, 3, columns).
    ///
    /// Blur and bilinear sampling are both separable and linear: each is one small matrix of weights, rows first.
    func levels(_ crop: PersonCrop, columns wanted: Range<Int> = PersonCrop.columns) throws(TorchError) -> Tensor {
        let size = PersonCrop.size
        let columns = wanted.count
        let vertical = SampledAxis(
            center: crop.centerY, side: crop.side, outputs: 0..<size, length: height)
        let horizontal = SampledAxis(center: crop.centerX, side: crop.side, outputs: wanted, length: width)
        let device = image.device
        guard !vertical.sources.isEmpty, !horizontal.sources.isEmpty else {
            return try Tensor(zeros: [size, 3, columns], device: device)
        }
        let (rows, cols) = (vertical.sources, horizontal.sources)
        let region = try image.narrowed(dimension: 0, start: rows.lowerBound, count: rows.count)
            .narrowed(dimension: 1, start: cols.lowerBound, count: cols.count).to(.float32)
        let weightsDown = try Tensor(floats: vertical.weights, shape: [size, rows.count], device: device)
        let weightsAcross = try Tensor(floats: horizontal.weights, shape: [columns, cols.count], device: device)
        let squeezed = try weightsDown.matmul(try region.reshaped([rows.count, cols.count * 3]))
            .reshaped([size, cols.count, 3])
        // (256, 3, w) × (w, 192)
        let result = try squeezed.permuted([0, 2, 1]).contiguous().matmul(try weightsAcross.permuted([1, 0]))
        // Without a blur the original samples whole grey levels into whole grey levels.
        return vertical.isBlurred ? result : try result.rounded()
    }
}

/// How the pixels of one axis of a crop are made from those of the picture.
package struct SampledAxis {
    /// The picture's pixels that are needed.
    package let sources: Range<Int>
    /// (outputs, sources)
    package let weights: [Float]
    /// Whether the picture is blurred before it is sampled.
    package let isBlurred: Bool

    /// - Parameters:
    ///   - center: of the crop, in pixels of the picture.
    ///   - side: of the crop, in pixels of the picture.
    ///   - outputs: the crop's pixels, of 256, that are wanted.
    ///   - length: the picture's pixels.
    package init(center: Float, side: Float, outputs: Range<Int>, length: Int) {
        let step = Double(side) / Double(PersonCrop.size)
        let kernel = Self.kernel(shrinking: step)
        isBlurred = kernel.count > 1
        let radius = kernel.count / 2
        // Bilinear: between two pixels, whose values are 0 beyond the picture.
        let places = outputs.map { Double(center) + (Double($0) - Double(PersonCrop.size) / 2) * step }
        var low = length, high = -1
        for place in places {
            let first = Self.whole(place.rounded(.down), length)
            for pixel in first...(first + 1) where (0..<length).contains(pixel) {
                low = min(low, max(0, pixel - radius))
                high = max(high, min(length - 1, pixel + radius))
            }
        }
        guard low <= high else {
            (sources, weights) = (0..<0, [])
            return
        }
        sources = low..<(high + 1)
        var weights = [Float](repeating: 0, count: outputs.count * sources.count)
        for (row, place) in places.enumerated() {
            let first = Self.whole(place.rounded(.down), length)
            let fraction = place - place.rounded(.down)
            for (pixel, share) in [(first, 1 - fraction), (first + 1, fraction)] where (0..<length).contains(pixel) {
                for (offset, weight) in kernel.enumerated() {
                    // The blur continues the picture's edges.
                    let source = min(max(pixel + offset - radius, 0), length - 1)
                    weights[row * sources.count + source - low] += Float(share * weight)
                }
            }
        }
        self.weights = weights
    }

    /// Far outside the picture one place is as good as another, and none may overflow.
    private static func whole(_ place: Double, _ length: Int) -> Int {
        Int(min(max(place, -2), Double(length) + 1))
    }

    /// The blur against aliasing, as scikit-image's `gaussian` truncates it; a single 1 where there is none.
    private static func kernel(shrinking step: Double) -> [Double] {
        let factor = step / 2
        guard factor > 1.1 else { return [1] }
        let deviation = (factor - 1) / 2
        let radius = Int(4 * deviation + 0.5)
        let values = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / (deviation * deviation)) }
        let sum = values.reduce(0, +)
        return values.map { $0 / sum }
    }
}
