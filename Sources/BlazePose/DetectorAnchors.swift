/// The detector's anchor points: where in its input each of its 2,254 predictions is centred.
///
/// Source: MediaPipe `calculators/tflite/ssd_anchors_calculator.cc` with the options of
/// `modules/pose_detection/pose_detection_cpu.pbtxt`. Layers of equal stride share one grid; every layer contributes
/// two anchors a cell (one aspect ratio and one interpolated scale). With `fixed_anchor_size` each has the size of the
/// whole input, so only the centres differ.
package enum DetectorAnchors {
    /// Side of the detector's input, in pixels.
    package static let inputSide = 224
    private static let strides = [8, 16, 32, 32, 32]
    private static let anchorsPerLayer = 2

    /// Centres in unit coordinates of the input, in the order of the network's outputs.
    package static let centers: [Point] = {
        var centers: [Point] = []
        var layer = 0
        while layer < strides.count {
            let stride = strides[layer]
            let sameStride = strides[layer...].prefix { $0 == stride }.count
            let cells = (inputSide + stride - 1) / stride
            for row in 0..<cells {
                for column in 0..<cells {
                    let center = Point(
                        x: (Float(column) + 0.5) / Float(cells), y: (Float(row) + 0.5) / Float(cells))
                    for _ in 0..<(sameStride * anchorsPerLayer) { centers.append(center) }
                }
            }
            layer += sameStride
        }
        return centers
    }()
}
