internal import Checkpoints
internal import Foundation
internal import Weights

/// Which point of the mesh each texel of the texture shows.
///
/// Source: 4D-Humans `track.py` (`HMR2023TextureSampler`, `unproject_uvmap_to_mesh`).
struct TextureMap {
    /// The texels that show a point, row by row, of 65,536.
    let texels: [Int]
    /// The triangle's three vertices, for each of them.
    let corners: [Int]
    /// Each corner's share in the point, for each of them.
    let weights: [Float]

    /// - Parameter faces: the mesh's triangles as places of vertices, three each.
    /// - Throws: `CheckpointError` naming the file that is damaged or does not fit the mesh.
    init(_ folder: PHALPFolder, faces: [Int]) throws(CheckpointError) {
        let size = AppearanceEncoder.size
        func read(_ url: URL, _ shape: [Int]) throws(CheckpointError) -> StoredArray {
            let array = try NumpyFile(contentsOf: url).array
            guard array.shape == shape else {
                throw CheckpointError(
                    file: url.path, .malformed, "it has the shape \(array.shape) where \(shape) is expected")
            }
            return array
        }
        let map = try read(folder.textureFaces, [size, size])
        // Published as whole numbers in a type of their writer's choice.
        let triangles = try map.doubles().map { $0.isFinite && abs($0) < 1e9 ? Int($0) : Int.max }
        let shares = try read(folder.textureWeights, [size, size, 3]).floats()
        let texels = triangles.indices.filter { triangles[$0] >= 0 }
        guard texels.allSatisfy({ triangles[$0] < faces.count / 3 }) else {
            throw CheckpointError(
                file: folder.textureFaces.path, .malformed,
                "it names a triangle beyond the \(faces.count / 3) of the body model")
        }
        self.texels = texels
        corners = texels.flatMap { texel in
            let first = 3 * triangles[texel]
            return faces[first..<(first + 3)]
        }
        weights = texels.flatMap { shares[(3 * $0)..<(3 * $0 + 3)] }
        guard weights.allSatisfy(\.isFinite) else {
            throw CheckpointError(file: folder.textureWeights.path, .malformed, "it holds what is no number")
        }
    }
}
