import Bodies
import Checkpoints
import Foundation
import Testing
import Weights

@Suite("Bodies without libtorch")
struct BodyModelTests {
    /// The largest difference of two lists of metres.
    private func distance(_ ours: [SIMD3<Float>], _ theirs: ArraySlice<Float>) -> Float {
        #expect(theirs.count == 3 * ours.count)
        return zip(ours.flatMap { [$0.x, $0.y, $0.z] }, theirs).map { abs($0 - $1) }.max() ?? .infinity
    }

    private struct Inputs {
        let betas: [Float]
        let rotations: [Float]

        init() throws {
            let file = try SafetensorsFile(contentsOf: smplFixtures.appending(path: "bodies.safetensors"))
            betas = try file.tensors.array("betas").floats()
            rotations = try file.tensors.array("rotations").floats()
        }

        var count: Int { betas.count / 10 }

        func pose(_ index: Int, of model: BodyModel) -> (vertices: [SIMD3<Float>], joints: [SIMD3<Float>]) {
            let turns = Array(rotations[(216 * index)..<(216 * (index + 1))])
            return model.pose(
                betas: Array(betas[(10 * index)..<(10 * (index + 1))]), globalOrient: Array(turns[..<9]),
                bodyPose: Array(turns[9...]))
        }
    }

    @Test(
        "A hundred random bodies are those of smplx to 1e-5 m: vertices and joints",
        arguments: BodyModel.kernels.indices)
    func parity(kernel: Int) throws {
        let expected = try SafetensorsFile(contentsOf: smplFixtures.appending(path: "bodies.safetensors")).tensors
        let model = BodyModel(Numbers.file, kernel: kernel)
        let inputs = try Inputs()
        let (joints, vertices) = (try expected.array("joints").floats(), try expected.array("vertices").floats())
        let places = try expected.array("vertex_places").integers()
        #expect(inputs.count == 100 && model.vertexCount == 6890)
        for index in 0..<inputs.count {
            let body = inputs.pose(index, of: model)
            #expect(distance(body.joints, joints[(72 * index)..<(72 * (index + 1))]) < 1e-5)
            let size = 3 * places.count
            #expect(
                distance(places.map { body.vertices[$0] }, vertices[(size * index)..<(size * (index + 1))]) < 1e-5)
        }
    }

    @Test("A file as its owners publish it gives smplx's bodies")
    func publishedFile() throws {
        let model = BodyModel(try SMPLFile(contentsOf: smplFixtures.appending(path: "small.pkl")))
        let expected = try SafetensorsFile(contentsOf: smplFixtures.appending(path: "small.safetensors")).tensors
        let inputs = try Inputs()
        let vertices = try expected.array("vertices").floats()
        for index in 0..<3 {
            #expect(
                distance(inputs.pose(index, of: model).vertices, vertices[(36 * index)..<(36 * (index + 1))]) < 1e-5)
        }
    }

    /// Every number of bodies that a kernel computes at once, and more than are kept ready.
    @Test("A batch holds the bodies that each would be alone", arguments: BodyModel.kernels.indices)
    func batches(kernel: Int) throws {
        let models = [Numbers.file, Numbers.fourJointsAVertex].map { BodyModel($0, kernel: kernel) }
        let inputs = try Inputs()
        for model in models {
            let alone = (0..<inputs.count).map { inputs.pose($0, of: model) }
            for count in Array(1...9) + [64, 71] {
                // What lies behind the last body stays as it is.
                var vertices = [Float](repeating: .infinity, count: 3 * model.vertexCount * count + 1)
                var joints = [Float](repeating: .infinity, count: 72 * count)
                model.pose(
                    bodies: count, betas: inputs.betas, rotations: inputs.rotations, vertices: &vertices,
                    vertexStride: 3, joints: &joints)
                #expect(vertices.removeLast() == .infinity)
                #expect(distance(alone[..<count].flatMap(\.vertices), vertices[...]) < 1e-6)
                #expect(distance(alone[..<count].flatMap(\.joints), joints[...]) < 1e-6)
            }
        }
    }

    @Test("A model whose vertices hang on four joints at most is the same as one that names all joints")
    func fewJoints() throws {
        let inputs = try Inputs()
        let few = Numbers.fourJointsAVertex
        var all = few.skinningWeights
        // Too small to move anything, but named.
        for joint in 0..<24 where all[joint] == 0 { all[joint] = 1e-20 }
        let (first, second) = (BodyModel(few), BodyModel(few.with(skinningWeights: all)))
        for index in 0..<5 {
            let vertices = inputs.pose(index, of: second).vertices.flatMap { [$0.x, $0.y, $0.z] }
            #expect(distance(inputs.pose(index, of: first).vertices, vertices[...]) < 1e-6)
        }
    }

    @Test("The rest pose is the pose without rotations, less the pose's corrections, of which there are none")
    func rest() throws {
        let model = BodyModel(Numbers.file)
        let betas = (0..<10).map { Float($0) / 5 - 1 }
        let identity: [Float] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
        let body = model.pose(
            betas: betas, globalOrient: identity, bodyPose: Array(repeating: identity, count: 23).flatMap { $0 })
        let vertices = model.restVertices(betas: betas)
        #expect(zip(body.vertices, vertices).allSatisfy { abs($0 - $1).max() < 1e-5 })
        #expect(zip(body.joints, model.restJoints(betas: betas)).allSatisfy { abs($0 - $1).max() < 1e-5 })
    }

    @Test("A vertex names at most four joints, the strongest first, and their weights sum to 1")
    func strongest() {
        let model = BodyModel(Numbers.file)
        for vertex in stride(from: 0, to: model.vertexCount, by: 97) {
            let joints = model.strongestJoints(of: vertex)
            #expect(joints.count == 4)
            #expect(abs(joints.reduce(0) { $0 + $1.weight } - 1) < 1e-6)
            #expect(zip(joints, joints.dropFirst()).allSatisfy { $0.weight >= $1.weight })
            let dense = Numbers.file.skinningWeights[(24 * vertex)..<(24 * (vertex + 1))]
            #expect(joints[0].weight > 0 && Array(dense)[joints[0].joint] == dense.max())
        }
    }
}

private func abs(_ point: SIMD3<Float>) -> SIMD3<Float> {
    point.replacing(with: -point, where: point .< .zero)
}
