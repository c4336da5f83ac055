import Exports
import Messages
import Testing

@Suite("The cameras in which persons are seen")
struct CropViewTests {
    /// `cam_crop_to_full` of 4D-Humans' `hmr2/utils/renderer.py`, forwards, in doubles.
    private func full(
        scale: Double, tx: Double, ty: Double, center: SIMD2<Double>, side: Double, width: Double, height: Double,
        focal: Double
    ) -> SIMD3<Double> {
        let bs = side * scale + 1e-9
        return SIMD3(2 * (center.x - width / 2) / bs + tx, 2 * (center.y - height / 2) / bs + ty, 2 * focal / bs)
    }

    @Test("Turned round and forwards again it is the camera it came from")
    func roundTrip() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let (width, height) = (Int.random(in: 64...4000, using: &random), Int.random(in: 64...3000, using: &random))
            let box = BoundingBox(
                x: .random(in: -200...Float(width), using: &random),
                y: .random(in: -200...Float(height), using: &random),
                width: .random(in: 10...800, using: &random), height: .random(in: 10...900, using: &random))
            let (scale, tx, ty) = (
                Double.random(in: 0.3...1.5, using: &random), Double.random(in: -0.5...0.5, using: &random),
                Double.random(in: -0.5...0.5, using: &random)
            )
            let side = Double(max(box.width * 256 / 192, box.height))
            let center = SIMD2(Double(box.x + box.width / 2), Double(box.y + box.height / 2))
            let focal = 5000.0 / 256 * Double(max(width, height))
            let camera = full(
                scale: scale, tx: tx, ty: ty, center: center, side: side, width: Double(width), height: Double(height),
                focal: focal)
            let view = CropView(
                box: box, translation: SIMD3<Float>(camera), focalLength: Float(focal), width: width, height: height)
            #expect(abs(Double(view.scale) / scale - 1) < 1e-4)
            // A shift of 0.1 mm at the body, of a translation that may be tens of metres.
            let tolerance = 1e-5 * max(1, abs(camera.x), abs(camera.y)) + 1e-4
            #expect(abs(Double(view.shift.x) - tx) < tolerance)
            #expect(abs(Double(view.shift.y) - ty) < tolerance)
            #expect(abs(Double(view.side) - side) < 0.01)
        }
    }

    @Test("The camera that is fitted to points is the one that saw them")
    func fit() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<100 {
            let truth = SIMD3<Float>(
                .random(in: -2...2, using: &random), .random(in: -1...1, using: &random),
                .random(in: 3...60, using: &random))
            let body = (0..<33).map { _ in
                SIMD3<Float>(
                    .random(in: -0.5...0.5, using: &random), .random(in: -0.9...0.9, using: &random),
                    .random(in: -0.3...0.3, using: &random))
            }
            let focal = CameraFit.standardFocalLength(width: 1280, height: 720)
            var seen = body.map { point in
                let place = point + truth
                return SIMD3(focal * place.x / place.z + 640, focal * place.y / place.z + 360, 0.9)
            }
            // What is not believed does not count, wherever it is.
            seen[4] = SIMD3(-5000, 9000, 0)
            seen[5] = SIMD3(.nan, 0, 1)
            let found = try #require(
                CameraFit.translation(of: body, seenAt: seen, focalLength: focal, width: 1280, height: 720))
            #expect(abs(found.x - truth.x) < 1e-3 * truth.z)
            #expect(abs(found.y - truth.y) < 1e-3 * truth.z)
            #expect(abs(found.z / truth.z - 1) < 1e-3)
        }
    }

    @Test("Points that say nothing give no camera")
    func nothing() {
        #expect(CameraFit.translation(of: [], seenAt: [], focalLength: 1000, width: 100, height: 100) == nil)
        let point = SIMD3<Float>(0, 0, 0)
        let pixel = SIMD3<Float>(50, 50, 1)
        #expect(
            CameraFit.translation(
                of: [point, point], seenAt: [pixel, pixel], focalLength: 1000, width: 100, height: 100) == nil)
        #expect(
            CameraFit.translation(of: [point], seenAt: [SIMD3(1, 2, 0)], focalLength: 1000, width: 100, height: 100)
                == nil)
    }
}
