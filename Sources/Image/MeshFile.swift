internal import ArgumentParser
internal import Engines
internal import Foundation

/// The forms in which a body's surface is written.
enum MeshFormat: String, CaseIterable, ExpressibleByArgument {
    /// Wavefront OBJ, text.
    case obj
    /// Stanford PLY, binary.
    case ply

    /// A file's content. Viewers' axes: y up, z towards the viewer, which is half a turn about x from the camera's; metres.
    ///
    /// - Parameter translation: moves the body into the camera's frame.
    func bytes(_ mesh: BodyMesh, translation: SIMD3<Float>) -> Data {
        let vertices = mesh.vertices.map { vertex in
            let seen = vertex + translation
            return SIMD3(seen.x, -seen.y, -seen.z)
        }
        return self == .obj ? obj(vertices, mesh.triangles) : ply(vertices, mesh.triangles)
    }

    private func obj(_ vertices: [SIMD3<Float>], _ triangles: [Int]) -> Data {
        var text = "# PoseBus: SMPL, metres, y up\n"
        for vertex in vertices { text += "v \(vertex.x) \(vertex.y) \(vertex.z)\n" }
        for first in stride(from: 0, to: triangles.count, by: 3) {
            text += "f \(triangles[first] + 1) \(triangles[first + 1] + 1) \(triangles[first + 2] + 1)\n"
        }
        return Data(text.utf8)
    }

    private func ply(_ vertices: [SIMD3<Float>], _ triangles: [Int]) -> Data {
        var data = Data(
            """
            ply
            format binary_little_endian 1.0
            comment PoseBus: SMPL, metres, y up
            element vertex \(vertices.count)
            property float x
            property float y
            property float z
            element face \(triangles.count / 3)
            property list uchar int vertex_indices
            end_header

            """.utf8)
        func append<Value>(_ value: Value) { withUnsafeBytes(of: value) { data.append(contentsOf: $0) } }
        for vertex in vertices {
            for axis in 0..<3 { append(vertex[axis].bitPattern.littleEndian) }
        }
        for first in stride(from: 0, to: triangles.count, by: 3) {
            append(UInt8(3))
            for corner in 0..<3 { append(Int32(triangles[first + corner]).littleEndian) }
        }
        return data
    }
}
