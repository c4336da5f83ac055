internal import Bodies
internal import Refinement

/// A surface that moves with a rig.
struct Skin {
    /// At rest, from the root's place at rest on, metres.
    var positions: [SIMD3<Float>] = []
    var normals: [SIMD3<Float>] = []
    /// Four joints a vertex, and how much each moves it; the weights sum to 1.
    var joints: [SIMD4<UInt8>] = []
    var weights: [SIMD4<Float>] = []
    /// Three places of vertices each.
    var triangles: [UInt32] = []

    /// SMPL's mesh in a person's shape.
    init(_ model: BodyModel, betas: [Float]) {
        let root = model.restJoints(betas: betas)[0]
        positions = model.restVertices(betas: betas).map { $0 - root }
        triangles = model.faces.map { UInt32($0) }
        normals = Self.normals(positions, triangles)
        for vertex in 0..<model.vertexCount {
            var (four, weights) = (SIMD4<UInt8>.zero, SIMD4<Float>.zero)
            for (place, joint) in model.strongestJoints(of: vertex).enumerated() {
                four[place] = UInt8(joint.joint)
                weights[place] = joint.weight
            }
            joints.append(four)
            self.weights.append(weights)
        }
    }

    /// A spindle along each bone of a rig without a body.
    init(spindlesAlong rig: Rig) {
        let places = rig.restPlaces
        for joint in rig.names.indices {
            let ends = rig.children(of: joint).map { rig.offsets[$0] } + (rig.tips[joint].map { [$0] } ?? [])
            for end in ends where length(end) > 1e-3 { addSpindle(from: places[joint], along: end, joint: joint) }
        }
    }

    private mutating func addSpindle(from start: SIMD3<Double>, along bone: SIMD3<Double>, joint: Int) {
        let size = length(bone)
        let radius = min(0.12 * size, 0.03)
        let turn = Rotation.identity.swung(SIMD3(0, 1, 0), towards: bone)
        let middle = start + 0.2 * bone
        let around = [SIMD3(1.0, 0, 0), SIMD3(0, 0, -1), SIMD3(-1, 0, 0), SIMD3(0, 0, 1)].map {
            middle + turn(radius * $0)
        }
        for side in 0..<4 {
            let (a, b) = (around[side], around[(side + 1) % 4])
            addTriangle(start, b, a, joint: joint)
            addTriangle(a, b, start + bone, joint: joint)
        }
    }

    private mutating func addTriangle(
        _ a: SIMD3<Double>, _ b: SIMD3<Double>, _ c: SIMD3<Double>, joint: Int
    ) {
        let normal = (b - a).cross(c - a)
        for corner in [a, b, c] {
            triangles.append(UInt32(positions.count))
            positions.append(SIMD3<Float>(corner))
            normals.append(SIMD3<Float>(normal / max(length(normal), 1e-12)))
            joints.append(SIMD4(UInt8(joint), 0, 0, 0))
            weights.append(SIMD4(1, 0, 0, 0))
        }
    }

    private static func normals(_ positions: [SIMD3<Float>], _ triangles: [UInt32]) -> [SIMD3<Float>] {
        var sums = [SIMD3<Float>](repeating: .zero, count: positions.count)
        for first in stride(from: 0, to: triangles.count, by: 3) {
            let corners = (0..<3).map { Int(triangles[first + $0]) }
            let (a, b, c) = (positions[corners[0]], positions[corners[1]], positions[corners[2]])
            let (u, v) = (b - a, c - a)
            // As long as the triangle is large.
            let normal = SIMD3(u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x)
            for corner in corners { sums[corner] += normal }
        }
        return sums.map { sum in
            let length = (sum * sum).sum().squareRoot()
            // A vertex of no triangle points anywhere, but it must point.
            return length > 1e-20 ? sum / length : SIMD3(0, 1, 0)
        }
    }
}
