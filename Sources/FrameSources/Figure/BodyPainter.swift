/// Draws bodies over a picture, half transparent if so wished, each where the picture's camera sees it.
package struct BodyPainter {
    /// One body.
    package struct Surface {
        let vertices: [SIMD3<Float>]
        let color: SIMD3<Float>
        let focalLength: Float

        /// - Parameters:
        ///   - vertices: in the camera's frame: x right, y down, z forward, metres.
        ///   - color: 0 to 1.
        ///   - focalLength: of the camera, pixels.
        package init(vertices: [SIMD3<Float>], color: SIMD3<Float>, focalLength: Float) {
            (self.vertices, self.color, self.focalLength) = (vertices, color, focalLength)
        }
    }

    private struct Plain: Paint {
        let color: Vector

        @inline(__always)
        func color(_ material: Material, at place: Vector) -> Vector { color }
    }

    private var rasterizer = Rasterizer()
    /// What is nearer to the camera than this is left out, metres: it has no place in the picture.
    private static let nearest: Float = 0.1

    package init() {}

    /// Draws bodies of one mesh.
    ///
    /// - Parameters:
    ///   - triangles: three places of vertices each, counter-clockwise from outside.
    ///   - opacity: 0 to 1.
    ///   - pixels: R, G, B bytes of the rows of the picture, or of what shows its top left part.
    ///   - pictureWidth: of the picture that the camera took: its middle is the camera's axis.
    package mutating func draw(
        _ bodies: [Surface], triangles: [Int], opacity: Float, into pixels: inout [UInt8], width: Int, height: Int,
        pictureWidth: Int, pictureHeight: Int
    ) {
        let middle = SIMD2(Float(pictureWidth), Float(pictureHeight)) / 2
        let drawn = bodies.map { body in
            let normals = Self.normals(body.vertices, triangles)
            return zip(body.vertices, normals).map { point, normal in
                Rasterizer.Vertex(
                    x: middle.x + body.focalLength * point.x / point.z,
                    y: middle.y + body.focalLength * point.y / point.z, nearness: 1 / point.z, normal: normal,
                    place: .zero, material: .skin)
            }
        }
        let faces = zip(bodies, drawn).map { body, vertices in
            stride(from: 0, to: triangles.count, by: 3).compactMap { first -> (Int32, Int32, Int32)? in
                let corners = (triangles[first], triangles[first + 1], triangles[first + 2])
                let isSeen = [corners.0, corners.1, corners.2].allSatisfy { corner in
                    body.vertices[corner].z > Self.nearest && vertices[corner].x.magnitude < 1e5
                        && vertices[corner].y.magnitude < 1e5
                }
                return isSeen ? (Int32(corners.0), Int32(corners.1), Int32(corners.2)) : nil
            }
        }
        let seen = zip(drawn, faces).flatMap { vertices, faces in faces.map { vertices[Int($0.0)] } }
        guard !seen.isEmpty else { return }
        func clamp(_ value: Float, _ limit: Int) -> Int { Int(min(max(value, 0), Float(limit))) }
        // A triangle's other corners are near: some pixels more take them in.
        let margin: Float = 32
        rasterizer.begin(
            left: clamp(seen.reduce(.infinity) { min($0, $1.x) } - margin, width),
            top: clamp(seen.reduce(.infinity) { min($0, $1.y) } - margin, height),
            right: clamp(seen.reduce(-.infinity) { max($0, $1.x) } + margin, width),
            bottom: clamp(seen.reduce(-.infinity) { max($0, $1.y) } + margin, height))
        for (body, (vertices, faces)) in zip(bodies, zip(drawn, faces)) {
            rasterizer.draw(vertices, faces, Plain(color: body.color))
        }
        rasterizer.finish(into: &pixels, width: width, opacity: opacity)
    }

    private static func normals(_ points: [SIMD3<Float>], _ triangles: [Int]) -> [SIMD3<Float>] {
        var sums = [Vector](repeating: .zero, count: points.count)
        for first in stride(from: 0, to: triangles.count, by: 3) {
            let (a, b, c) = (triangles[first], triangles[first + 1], triangles[first + 2])
            let normal = cross(points[b] - points[a], points[c] - points[a])
            sums[a] += normal
            sums[b] += normal
            sums[c] += normal
        }
        return sums.map { normalized($0) }
    }
}
