/// A mesh as a file, metres.
struct MeshFile {
    let vertices: [SIMD3<Float>]
    /// Three places of vertices each.
    let triangles: [Int]

    /// Wavefront OBJ, text.
    func obj() -> [UInt8] {
        var text = "# PoseBus: SMPL, metres\n"
        text.reserveCapacity(40 * vertices.count + 8 * triangles.count)
        for vertex in vertices { text += "v \(vertex.x) \(vertex.y) \(vertex.z)\n" }
        for first in stride(from: 0, to: triangles.count, by: 3) {
            text += "f \(triangles[first] + 1) \(triangles[first + 1] + 1) \(triangles[first + 2] + 1)\n"
        }
        return Array(text.utf8)
    }

    /// Stanford PLY, binary.
    func ply() -> [UInt8] {
        var bytes = Array(
            """
            ply
            format binary_little_endian 1.0
            comment PoseBus: SMPL, metres
            element vertex \(vertices.count)
            property float x
            property float y
            property float z
            element face \(triangles.count / 3)
            property list uchar int vertex_indices
            end_header

            """.utf8)
        bytes.reserveCapacity(bytes.count + 12 * vertices.count + 13 * triangles.count / 3)
        for vertex in vertices { bytes.append(point: vertex) }
        for first in stride(from: 0, to: triangles.count, by: 3) {
            bytes.append(3)
            for corner in 0..<3 { bytes.append(littleEndian: Int32(triangles[first + corner])) }
        }
        return bytes
    }
}
