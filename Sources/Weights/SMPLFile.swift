package import Checkpoints
package import Foundation

/// The numbers of the SMPL body model (Loper et al., "SMPL: A Skinned Multi-Person Linear Model", SIGGRAPH Asia 2015),
/// as its owners publish them: pickles of Python 2 with chumpy and SciPy objects, v1.0.0 and v1.1.0, or converted ones.
package struct SMPLFile: Sendable {
    /// The number of joints of the skeleton.
    package static let jointCount = 24
    /// How many shape coefficients are used, of however many the file has.
    package static let betaCount = 10

    /// The number of vertices V: 6,890 in every published file.
    package let vertexCount: Int
    /// The mean body in its rest pose, (V, 3) metres.
    package let template: [Float]
    /// What one unit of each of the betas adds to it, (V, 3, 10) metres.
    package let shapeDirections: [Float]
    /// What each element of the 23 rotation matrices' difference from identity adds, (V, 3, 207) metres.
    package let poseDirections: [Float]
    /// The joints as weighted means of the vertices, (24, V).
    package let jointRegressor: [Float]
    /// How much each joint moves each vertex, (V, 24).
    package let skinningWeights: [Float]
    /// The joint that each joint hangs on; -1 for the pelvis, which is the first.
    package let parents: [Int]
    /// The mesh's triangles as places of vertices, (F, 3).
    package let faces: [Int]

    /// Reads a published file.
    ///
    /// - Throws: `CheckpointError` that names the file and what in it is missing or of another shape.
    package init(contentsOf url: URL) throws(CheckpointError) {
        try self.init(PickleFile(contentsOf: url).root, name: url.path)
    }

    /// Reads the pickled dictionary of a published file.
    ///
    /// - Throws: `CheckpointError` that says what in it is missing or of another shape.
    package init(_ root: PickleValue, name: String) throws(CheckpointError) {
        func entry(_ key: String) throws(CheckpointError) -> PickleValue {
            guard let value = root[key] else {
                throw CheckpointError(
                    file: name, .malformed, "it holds no \(key), so it is no SMPL model; its content is \(root.kind)")
            }
            return value
        }
        func mismatch(_ key: String, _ found: [Int], _ expected: String) -> CheckpointError {
            CheckpointError(file: name, .malformed, "\(key) has the shape \(found) where \(expected) is expected")
        }
        func dense(_ key: String, _ expected: [Int]) throws(CheckpointError) -> [Float] {
            let array = try entry(key).array()
            guard array.shape == expected else { throw mismatch(key, array.shape, "\(expected)") }
            return try array.floats()
        }
        let template = try entry("v_template").array()
        guard template.shape.count == 2, template.shape[1] == 3, template.shape[0] > 0 else {
            throw mismatch("v_template", template.shape, "[6890, 3]")
        }
        let vertices = template.shape[0]
        let joints = Self.jointCount
        vertexCount = vertices
        self.template = try template.floats()

        let shapes = try entry("shapedirs").array()
        guard shapes.shape.count == 3, shapes.shape[0] == vertices, shapes.shape[1] == 3,
            shapes.shape[2] >= Self.betaCount
        else { throw mismatch("shapedirs", shapes.shape, "[\(vertices), 3, 10 or more]") }
        let all = try shapes.floats()
        let width = shapes.shape[2]
        shapeDirections =
            width == Self.betaCount
            ? all : stride(from: 0, to: all.count, by: width).flatMap { all[$0..<($0 + Self.betaCount)] }
        poseDirections = try dense("posedirs", [vertices, 3, 9 * (joints - 1)])
        skinningWeights = try dense("weights", [vertices, joints])

        let regressor = try entry("J_regressor")
        if regressor.className?.hasPrefix("scipy.sparse.") == true {
            let matrix = try regressor.sparse()
            guard [matrix.rows, matrix.columns] == [joints, vertices] else {
                throw mismatch("J_regressor", [matrix.rows, matrix.columns], "[\(joints), \(vertices)]")
            }
            jointRegressor = try matrix.dense().map { Float($0) }
        } else {
            jointRegressor = try dense("J_regressor", [joints, vertices])
        }

        let tree = try entry("kintree_table").array()
        guard tree.shape == [2, joints] else { throw mismatch("kintree_table", tree.shape, "[2, \(joints)]") }
        let parents = [-1] + (try tree.integers())[1..<joints]
        guard parents.indices.dropFirst().allSatisfy({ parents[$0] >= 0 && parents[$0] < $0 }) else {
            throw CheckpointError(file: name, .malformed, "kintree_table hangs a joint on one that comes after it")
        }
        self.parents = parents

        let triangles = try entry("f").array()
        guard triangles.shape.count == 2, triangles.shape[1] == 3 else {
            throw mismatch("f", triangles.shape, "[13776, 3]")
        }
        faces = try triangles.integers()
        guard faces.allSatisfy({ $0 >= 0 && $0 < vertices }) else {
            throw CheckpointError(file: name, .malformed, "f names a vertex beyond the \(vertices) there are")
        }
    }

    /// A model from its numbers, in the shapes of the properties.
    package init(
        template: [Float], shapeDirections: [Float], poseDirections: [Float], jointRegressor: [Float],
        skinningWeights: [Float], parents: [Int], faces: [Int]
    ) {
        vertexCount = template.count / 3
        self.template = template
        self.shapeDirections = shapeDirections
        self.poseDirections = poseDirections
        self.jointRegressor = jointRegressor
        self.skinningWeights = skinningWeights
        self.parents = parents
        self.faces = faces
    }
}
