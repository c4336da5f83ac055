import Checkpoints
import HMR2
import PHALP
import Tensor
import Testing
import Weights

/// Against PHALP's and 4D-Humans' own code; `phalp_reference.py` in Tests/Parity says how.
@Suite("Appearance")
struct AppearanceTests {
    private static func faces() throws -> [Int] { try Fixture.golden("faces").integers() }

    private static func model(_ folder: PHALPFolder) throws -> PHALPModel {
        try PHALPModel(folder, faces: faces(), device: .cpu, precision: .fp32)
    }

    @Test("Depth, by the kernel and by tensors, is that of the reference", arguments: RasterMethod.allCases)
    func depth(method: RasterMethod) throws {
        let faces = try Self.faces()
        let drawn = try Tensor.depthImages(
            vertices: Fixture.tensor("vertices"), faces: Tensor(integers: faces, shape: [faces.count / 3, 3]),
            camera: TextureSampler.camera, method: method)
        #expect(drawn.shape == [2, 256, 256])
        let seen = Fixture.thinned(try drawn.floats(), every: 3)
        #expect(Fixture.distance(seen, try Fixture.golden("depth").floats()) < 1e-5)
        #expect(seen.contains(100) && seen.contains { $0 < 60 })
    }

    @Test("Textures and what is made of them are 4D-Humans'", arguments: RasterMethod.allCases)
    func textures(method: RasterMethod) throws {
        try Fixture.withFolder { folder in
            let sampler = try TextureSampler(folder, faces: try Self.faces(), device: .cpu)
            let images = try sampler.images(
                vertices: Fixture.tensor("vertices"), crops: Fixture.crops(2), method: method)
            let textures = try sampler.textures(images)
            for (name, found) in [("uv_image", images), ("uv_vector", textures)] {
                #expect(found.shape == [2, 4, 256, 256])
                let seen = Fixture.thinned(try found.floats(), every: 7)
                #expect(Fixture.distance(seen, try Fixture.golden(name).floats()) < 1e-4, "\(name)")
            }
            let embedding = try AppearanceEncoder(folder, device: .cpu)(textures).floats()
            let some = embedding.indices.filter { $0 % AppearanceEncoder.count % 5 == 0 }.map { embedding[$0] }
            #expect(Fixture.distance(some, try Fixture.golden("embedding").floats()) < 1e-4)
        }
    }

    @Test("One person after the other looks as both at once")
    func persons() throws {
        try Fixture.withFolder { folder in
            let model = try Self.model(folder)
            let (vertices, crops) = (try Fixture.tensor("vertices"), try Fixture.crops(2))
            let persons = try (0..<2).map { index in
                PHALPModel.Person(
                    vertices: try vertices.narrowed(dimension: 0, start: index, count: 1).reshaped([-1, 3]),
                    crop: try crops.narrowed(dimension: 0, start: index, count: 1).reshaped([4, 256, 256]))
            }
            let together = try model.appearances(of: persons)
            for (index, one) in together.enumerated() {
                let alone = try model.appearances(of: [persons[index]])[0]
                #expect(one.texture.shape == [4, 256, 256] && one.embedding.count == 4096)
                #expect(Fixture.distance(try alone.texture.floats(), try one.texture.floats()) == 0)
                #expect(Fixture.distance(alone.embedding, one.embedding) < 1e-5)
            }
            #expect(Fixture.distance(together[0].embedding, together[1].embedding) > 0.01)
            #expect(try model.appearances(of: []).isEmpty)
        }
    }

    @Test("A body of HMR2 stands where the crop's camera sees it")
    func bodies() throws {
        let crop = try Tensor(zeros: [4, 256, 256])
        let person = try PHALPModel.Person(
            vertices: [SIMD3(1, 2, 3), SIMD3(0, 0, 0)], camera: CropCamera(scale: 0.5, x: 0.25, y: -0.5), crop: crop)
        let depth = 2 * 5000 / (256 * 0.5 + 1e-9) as Float
        #expect(try person.vertices.floats() == [1.25, 1.5, 3 + depth, 0.25, -0.5, depth])
    }

    @Test("Embeddings, distances and shared parts of textures are PHALP's")
    func distances() throws {
        try Fixture.withFolder { folder in
            let model = try Self.model(folder)
            let textures = try Fixture.textures(3)
            let all = try Tensor.concatenated(textures.map { try $0.reshaped([1, 4, 256, 256]) }, dimension: 0)
            let encoded = try model.encoder(all).floats()
            let some = encoded.indices.filter { $0 % AppearanceEncoder.count % 5 == 0 }.map { encoded[$0] }
            #expect(Fixture.distance(some, try Fixture.golden("encoded").floats()) < 1e-4)

            let seen = try model.sampler.textures(
                model.sampler.images(vertices: Fixture.tensor("vertices"), crops: Fixture.crops(2)))
            let detections =
                try [textures[2]]
                + (0..<2).map { try seen.narrowed(dimension: 0, start: $0, count: 1).reshaped([4, 256, 256]) }
            let pairs = try model.encoder.distances(tracks: Array(textures.prefix(2)), detections: detections)
            let expected = try Fixture.golden("distances").floats()
            #expect(Fixture.distance(pairs.joined().map(\.distance), expected) < 1e-6)
            #expect(
                Fixture.distance(pairs.joined().map(\.sharedFraction), try Fixture.golden("shared").floats()) < 1e-6)
            let plain = try model.pairDistances(tracks: Array(textures.prefix(2)), detections: detections)
            #expect(plain == pairs.map { $0.map(\.distance) })
            #expect(try model.pairDistances(tracks: [textures[0]], detections: [textures[0]]) == [[0]])
            #expect(try model.pairDistances(tracks: [], detections: detections).isEmpty)
            #expect(try model.pairDistances(tracks: [textures[0], textures[1]], detections: []) == [[], []])
        }
    }

    @Test("A track's texture is mixed as PHALP mixes it")
    func mixing() throws {
        let textures = try Fixture.textures(2)
        let mixed = try TextureMixing.mixed(old: textures[0], new: textures[1], confidence: 0.9).floats()
        #expect(Fixture.distance(Fixture.thinned(mixed, every: 7), try Fixture.golden("mixed").floats()) < 1e-6)
        let unchanged = try TextureMixing.mixed(old: textures[0], new: textures[0], confidence: 1).floats()
        #expect(Fixture.distance(unchanged, try textures[0].floats()) < 1e-6)
    }

    @Test("What does not fit is refused")
    func otherShapes() throws {
        try Fixture.withFolder { folder in
            let model = try Self.model(folder)
            let small = try Tensor(zeros: [4, 128, 128])
            #expect(throws: TorchError.self) { try model.encoder(small) }
            #expect(throws: TorchError.self) { try model.pairDistances(tracks: [small], detections: [small]) }
            #expect(throws: TorchError.self) {
                try model.sampler.images(vertices: Fixture.tensor("vertices"), crops: Tensor(zeros: [1, 4, 256, 256]))
            }
            // A body with fewer vertices than the triangles name.
            #expect(throws: TorchError.self) {
                try model.sampler.images(vertices: Tensor(zeros: [1, 100, 3]), crops: Tensor(zeros: [1, 4, 256, 256]))
            }
        }
    }
}
