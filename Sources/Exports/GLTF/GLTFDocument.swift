/// The JSON part of a glTF 2.0 file, as far as it is used here. Indices are places in the document's lists.
///
/// Source: The Khronos Group, "glTF 2.0 Specification", 2.0.1.
struct GLTFDocument: Encodable {
    struct Asset: Encodable {
        var version = "2.0"
        var generator = "PoseBus"
        var extras: [String: String]
    }

    struct Scene: Encodable {
        var nodes: [Int]?
    }

    struct Node: Encodable {
        var name: String
        var children: [Int]?
        var translation: [Float]?
        var rotation: [Float]?
        var mesh: Int?
        var skin: Int?
        var camera: Int?
        var extras: [String: UInt32]?
    }

    struct Primitive: Encodable {
        var attributes: [String: Int]
        var indices: Int
        var material: Int
    }

    struct Mesh: Encodable {
        var name: String
        var primitives: [Primitive]
    }

    struct Skin: Encodable {
        var name: String
        var inverseBindMatrices: Int
        var joints: [Int]
        var skeleton: Int
    }

    struct Material: Encodable {
        struct Surface: Encodable {
            var baseColorFactor: [Float]
            var metallicFactor: Float = 0
            var roughnessFactor: Float = 0.8
        }

        var name: String
        var pbrMetallicRoughness: Surface
    }

    struct Camera: Encodable {
        struct Perspective: Encodable {
            var aspectRatio: Float
            var yfov: Float
            var znear: Float = 0.05
        }

        var name = "camera"
        var type = "perspective"
        var perspective: Perspective
    }

    struct Animation: Encodable {
        struct Target: Encodable {
            var node: Int
            var path: String
        }

        struct Channel: Encodable {
            var sampler: Int
            var target: Target
        }

        struct Sampler: Encodable {
            var input: Int
            var output: Int
            var interpolation: String
        }

        var name: String
        var channels: [Channel] = []
        var samplers: [Sampler] = []
    }

    struct Accessor: Encodable {
        var bufferView: Int
        var byteOffset = 0
        var componentType: Int
        var count: Int
        var type: String
        var min: [Float]?
        var max: [Float]?
    }

    struct BufferView: Encodable {
        var buffer = 0
        var byteOffset: Int
        var byteLength: Int
        var target: Int?
    }

    struct Buffer: Encodable {
        var byteLength: Int
    }

    var asset: Asset
    var scene = 0
    var scenes = [Scene()]
    // Absent where empty, as the specification wants it.
    var nodes: [Node]?
    var meshes: [Mesh]?
    var skins: [Skin]?
    var materials: [Material]?
    var cameras: [Camera]?
    var animations: [Animation]?
    var accessors: [Accessor]?
    var bufferViews: [BufferView]?
    var buffers: [Buffer]?
}
