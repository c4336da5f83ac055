internal import Foundation

/// What a surface is made of. The colour of some depends on the place on the body.
enum Material: UInt8 {
    case skin, head, shirt, trousers, shoe
}

/// A closed surface on the standing body, each vertex moving with up to two bones.
struct Mesh {
    struct Vertex {
        /// Place on the standing body.
        var place: Vector
        var normal = Vector.zero
        var first: Bone
        var second: Bone
        /// How much of `second`.
        var blend: Float
        var material: Material
    }

    private(set) var vertices: [Vertex] = []
    private(set) var triangles: [(Int32, Int32, Int32)] = []

    /// A cross-section: an ellipse at right angles to the axis of a tube.
    struct Ring {
        var center: Vector
        /// Half the width and half the depth: along x and z for a tube along y, along x and y for one along z.
        var width: Float
        var depth: Float
        var material: Material
    }

    enum Axis {
        case vertical, frontal
    }

    /// Adds a tube through the rings, closed at both ends. Rings go from the top down, or from the back to the front.
    ///
    /// - Parameters:
    ///   - power: 2 is an ellipse, more is boxier.
    ///   - bones: which two bones a place moves with, and how much of the second.
    mutating func addTube(
        _ rings: [Ring], axis: Axis = .vertical, segments: Int = 18, power: Float = 2,
        bones: (Vector) -> (Bone, Bone, Float)
    ) {
        let first = vertices.count
        for ring in rings {
            for segment in 0..<segments {
                let angle = 2 * Float.pi * Float(segment) / Float(segments)
                let (c, s) = (Self.rounded(cos(angle), power), Self.rounded(sin(angle), power))
                let offset =
                    axis == .vertical
                    ? Vector(ring.width * c, 0, ring.depth * s) : Vector(ring.width * c, ring.depth * s, 0)
                add(ring.center + offset, ring.material, bones(ring.center + offset))
            }
        }
        for ring in 0..<(rings.count - 1) {
            for segment in 0..<segments {
                let next = (segment + 1) % segments
                let (a, b) = (first + ring * segments + segment, first + ring * segments + next)
                addTriangle(a, b, a + segments)
                addTriangle(b, b + segments, a + segments)
            }
        }
        for (ring, isLast) in [(0, false), (rings.count - 1, true)] {
            let center = vertices.count
            add(rings[ring].center, rings[ring].material, bones(rings[ring].center))
            for segment in 0..<segments {
                let (a, b) = (first + ring * segments + segment, first + ring * segments + (segment + 1) % segments)
                isLast ? addTriangle(a, b, center) : addTriangle(a, center, b)
            }
        }
    }

    /// Adds a ball whose unit directions are moved to places on the body.
    mutating func addBall(
        material: Material, bone: Bone, segments: Int = 24, rings: Int = 16, shape: (Vector) -> Vector
    ) {
        let first = vertices.count
        for ring in 0...rings {
            let polar = Float.pi * Float(ring) / Float(rings)
            for segment in 0..<segments {
                let angle = 2 * Float.pi * Float(segment) / Float(segments)
                let direction = Vector(
                    sin(polar) * cos(angle), cos(polar), sin(polar) * sin(angle))
                add(shape(direction), material, (bone, bone, 0))
            }
        }
        for ring in 0..<rings {
            for segment in 0..<segments {
                let next = (segment + 1) % segments
                let (a, b) = (first + ring * segments + segment, first + ring * segments + next)
                addTriangle(a, b, a + segments)
                addTriangle(b, b + segments, a + segments)
            }
        }
    }

    /// Adds the mirror image of everything for the other side of the body.
    mutating func addMirrored(_ other: Mesh) {
        let first = Int32(vertices.count)
        for vertex in other.vertices {
            var copy = vertex
            copy.place.x = -copy.place.x
            copy.first = vertex.first.mirrored
            copy.second = vertex.second.mirrored
            vertices.append(copy)
        }
        for (a, b, c) in other.triangles { triangles.append((first + a, first + c, first + b)) }
    }

    mutating func add(_ other: Mesh) {
        let first = Int32(vertices.count)
        vertices += other.vertices
        for (a, b, c) in other.triangles { triangles.append((first + a, first + b, first + c)) }
    }

    /// Makes smooth normals from the faces around each vertex.
    mutating func computeNormals() {
        for (a, b, c) in triangles.map({ (Int($0.0), Int($0.1), Int($0.2)) }) {
            let face = cross(
                vertices[b].place - vertices[a].place, vertices[c].place - vertices[a].place)
            vertices[a].normal += face
            vertices[b].normal += face
            vertices[c].normal += face
        }
        for index in vertices.indices { vertices[index].normal = normalized(vertices[index].normal) }
    }

    private mutating func add(_ place: Vector, _ material: Material, _ bones: (Bone, Bone, Float)) {
        vertices.append(
            Vertex(place: place, first: bones.0, second: bones.1, blend: bones.2, material: material))
    }

    private mutating func addTriangle(_ a: Int, _ b: Int, _ c: Int) {
        triangles.append((Int32(a), Int32(b), Int32(c)))
    }

    private static func rounded(_ value: Float, _ power: Float) -> Float {
        power == 2 ? value : (value < 0 ? -1 : 1) * pow(abs(value), 2 / power)
    }
}
