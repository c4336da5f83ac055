import Tensor
import Testing

/// The kernel and the tensors find the same, and what they find is where it should be.
struct DepthImageTests {
    private static let camera = RasterCamera(focalLength: 100, size: 32, near: 0.5, far: 50)

    private static func image(
        _ vertices: [Float], _ faces: [Int], method: RasterMethod, camera: RasterCamera = camera
    ) throws -> [Float] {
        try Tensor.depthImages(
            vertices: Tensor(floats: vertices, shape: [1, vertices.count / 3, 3]),
            faces: Tensor(integers: faces, shape: [faces.count / 3, 3]), camera: camera, method: method
        ).floats()
    }

    @Test(arguments: RasterMethod.allCases)
    func aTriangleIsWhereTheCameraSeesIt(method: RasterMethod) throws {
        // The square's corner in the middle, its sides 8 pixels right and down: x = 0.8 at z = 10.
        let corner: [Float] = [0, 0, 10, 0.8, 0, 10, 0, 0.8, 10, 0.8, 0.8, 10]
        let seen = try Self.image(corner, [0, 1, 2, 1, 3, 2], method: method)
        for row in 0..<32 {
            for column in 0..<32 {
                let isInside = (16..<24).contains(row) && (16..<24).contains(column)
                #expect(abs(seen[row * 32 + column] - (isInside ? 10 : 50)) < 1e-5)
            }
        }
    }

    @Test(arguments: RasterMethod.allCases)
    func depthIsThatOfThePlaneInSpace(method: RasterMethod) throws {
        // A plane that leans back, z = 10 + 2 y: seen at v its depth is 10 / (1 - 2 v / f).
        let seen = try Self.image(
            [-9, -4, 2, 9, -4, 2, 0, 8, 26], [0, 1, 2], method: method)
        for row in 4..<28 {
            let v = (Double(row) + 0.5 - 16) / 100
            #expect(abs(Double(seen[row * 32 + 16]) - 10 / (1 - 2 * v)) < 1e-4)
        }
    }

    @Test(arguments: RasterMethod.allCases)
    func theNearestOfEitherSideIsSeen(method: RasterMethod) throws {
        let wall: (Float) -> [Float] = { z in [-99, -99, z, 99, -99, z, 0, 150, z] }
        let all = [20, 5, 8].flatMap { wall($0) }
        #expect(try Self.image(all, [0, 1, 2, 3, 4, 5, 6, 7, 8], method: method).allSatisfy { abs($0 - 5) < 1e-5 })
        #expect(try Self.image(all, [0, 1, 2, 5, 4, 3, 6, 7, 8], method: method).allSatisfy { abs($0 - 5) < 1e-5 })
    }

    @Test(arguments: RasterMethod.allCases)
    func whatCannotBeSeenIsNot(method: RasterMethod) throws {
        let empty = [Float](repeating: 50, count: 32 * 32)
        // From its edge, a point, behind, too near, too far, nowhere.
        let flat: [[Float]] = [
            [0, -1, 5, 0, 0, 6, 0, 1, 7], [0, 0, 5, 0, 0, 5, 0, 0, 5], [-1, -1, -5, 1, -1, -5, 0, 1, -5],
            [-1, -1, 0.4, 1, -1, 0.4, 0, 1, 0.4], [-99, -99, 60, 99, -99, 60, 0, 150, 60],
            [.nan, 0, 5, 1, 0, 5, 0, 1, 5], [.infinity, 0, 5, 1, 0, 5, 0, 1, 5],
        ]
        for vertices in flat {
            #expect(try Self.image(vertices, [0, 1, 2], method: method) == empty, "\(vertices)")
        }
        #expect(try Self.image([0, 0, 1], [], method: method) == empty)
    }

    @Test func theKernelAndTheTensorsAgreeOnAnything() throws {
        var state: UInt64 = 7
        func noise() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24) * 2 - 1
        }
        // Small triangles, large ones that reach far out of the picture, and some that reach behind the camera.
        let (batch, count) = (3, 500)
        var vertices: [Float] = []
        for _ in 0..<(batch * count) {
            let size: Float = noise() > 0.9 ? 20 : 0.3
            let middle = SIMD3(noise() * 2, noise() * 2, 9 + noise() * 9.5)
            for _ in 0..<3 {
                vertices += [middle.x + noise() * size, middle.y + noise() * size, middle.z + noise() * size * 0.5]
            }
        }
        let points = try Tensor(floats: vertices, shape: [batch, count * 3, 3])
        let faces = try Tensor(integers: Array(0..<(count * 3)), shape: [count, 3])
        let camera = RasterCamera(focalLength: 150, size: 100, near: 0.5, far: 50)
        func draw(_ method: RasterMethod) throws -> [Float] {
            try Tensor.depthImages(vertices: points, faces: faces, camera: camera, method: method).floats()
        }
        let (kernel, tensors) = (try draw(.kernel), try draw(.tensors))
        #expect(zip(kernel, tensors).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(Set(kernel).count > 1000)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let triangle = try Tensor(floats: [0, 0, 1, 1, 0, 1, 0, 1, 1], shape: [1, 3, 3])
        func draw(_ faces: Tensor, _ vertices: Tensor, size: Int = 32) throws {
            _ = try Tensor.depthImages(
                vertices: vertices, faces: faces,
                camera: RasterCamera(focalLength: 1, size: size, near: 1, far: 2))
        }
        let faces = try Tensor(integers: [0, 1, 2], shape: [1, 3])
        #expect(throws: Never.self) { try draw(faces, triangle) }
        #expect(throws: TorchError.self) { try draw(Tensor(integers: [0, 1, 3], shape: [1, 3]), triangle) }
        #expect(throws: TorchError.self) { try draw(Tensor(integers: [0, -1, 2], shape: [1, 3]), triangle) }
        #expect(throws: TorchError.self) { try draw(Tensor(zeros: [1, 3]), triangle) }
        #expect(throws: TorchError.self) { try draw(faces, Tensor(zeros: [3, 3])) }
        #expect(throws: TorchError.self) { try draw(faces, triangle, size: 0) }
    }

    @Test func samplesAreBilinearAndZeroBeyondTheEdge() throws {
        let picture = try Tensor(floats: [1, 2, 3, 4], shape: [1, 1, 2, 2])
        // The middle, a pixel's centre, the picture's corner, outside.
        let places = try Tensor(floats: [0, 0, -0.5, 0.5, 1, 1, 3, 0], shape: [1, 4, 2])
        #expect(try picture.sampled(at: places).floats() == [2.5, 3, 1, 0])
    }
}
