internal import Foundation
internal import Messages
internal import Refinement

/// Writes a recording's persons as one animated scene, a binary glTF 2.0 file: y up, metres.
///
/// The sizes of all arrays follow from the frames that each person spans, so the file is written from its beginning to its
/// end, and no more than one person is held at a time.
struct SceneWriter {
    private var document: GLTFDocument
    private let source: MotionSource
    private let skins: (any RigMotion) -> Skin
    private let times: [Float]
    private var nodes: [GLTFDocument.Node] = []
    private var roots: [Int] = []
    private var accessors: [GLTFDocument.Accessor] = []
    private var views: [GLTFDocument.BufferView] = []
    private var animation: GLTFDocument.Animation
    private var length = 0
    /// What writes the arrays' bytes, in order.
    private var parts: [() throws -> [UInt8]] = []

    /// A scene.
    ///
    /// - Parameters:
    ///   - skins: gives each person a surface.
    ///   - frameRate: nil: frames stand where their capture times say.
    init(
        _ source: MotionSource, stream: StreamName, session: SessionID, frameRate: Double?,
        skins: @escaping (any RigMotion) -> Skin
    ) {
        self.source = source
        self.skins = skins
        let timeline = source.timeline
        let rate = timeline.frameRate(frameRate)
        times = (0..<timeline.count).map { Float(timeline.seconds(of: $0, rate: rate, isFixed: frameRate != nil)) }
        animation = GLTFDocument.Animation(name: "\(stream)")
        document = GLTFDocument(
            asset: .init(extras: ["posebus_stream": "\(stream)", "posebus_session": "\(session)"]))
    }

    /// Writes the scene.
    mutating func write(to file: ExportFile) throws {
        for track in source.tracks { try add(track) }
        addCamera()
        if !nodes.isEmpty { (document.nodes, document.scenes) = (nodes, [.init(nodes: roots)]) }
        if !animation.channels.isEmpty { document.animations = [animation] }
        if length > 0 {
            (document.accessors, document.bufferViews) = (accessors, views)
            document.buffers = [.init(byteLength: length)]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var json = [UInt8](try encoder.encode(document))
        while !json.count.isMultiple(of: 4) { json.append(UInt8(ascii: " ")) }
        let total = 12 + 8 + json.count + (length > 0 ? 8 + length : 0)
        guard total <= Int(UInt32.max) else {
            throw ExportError(
                .unavailable,
                "the scene would be larger than the 4 GB that a glb file holds; choose with --session or --track")
        }
        var head = Array("glTF".utf8)
        for number in [2, UInt32(total), UInt32(json.count)] { head.append(littleEndian: number) }
        try file.write(head + Array("JSON".utf8) + json)
        guard length > 0 else { return }
        head = []
        head.append(littleEndian: UInt32(length))
        try file.write(head + Array("BIN".utf8) + [0])
        for part in parts { try file.write(try part()) }
    }

    // MARK: - Persons

    private mutating func add(_ track: UInt32) throws {
        let motion = try source.motion(of: track)
        let rig = motion.rig
        let skin = skins(motion)
        var first: RigFrame?
        motion.forEachFrame { if first == nil { first = $0 } }
        guard let first else { return }

        let person = append(.init(name: "person \(track)", extras: ["track_id": track]))
        roots.append(person)
        let joints = rig.names.indices.map { joint in
            append(
                .init(
                    name: rig.names[joint],
                    translation: joint == 0 ? numbers(first.root) : numbers(rig.offsets[joint]),
                    rotation: quaternion(first.turns[joint])))
        }
        nodes[person].children = [joints[0]]
        for joint in rig.names.indices {
            let children = rig.children(of: joint)
            if !children.isEmpty { nodes[joints[joint]].children = children.map { joints[$0] } }
        }
        let body = append(
            .init(name: "body \(track)", mesh: document.meshes?.count ?? 0, skin: document.skins?.count ?? 0))
        roots.append(body)
        addSurface(skin, track: track, rig: rig, joints: joints)
        addMovement(track, frames: motion.frames, person: person, joints: joints)
    }

    private mutating func append(_ node: GLTFDocument.Node) -> Int {
        nodes.append(node)
        return nodes.count - 1
    }

    private mutating func addSurface(_ skin: Skin, track: UInt32, rig: Rig, joints: [Int]) {
        func bytes<Element>(_ elements: [Element], _ append: (inout [UInt8], Element) -> Void) -> [UInt8] {
            var bytes: [UInt8] = []
            for element in elements { append(&bytes, element) }
            return bytes
        }
        let low = skin.positions.reduce(skin.positions[0]) { pointwiseMin($0, $1) }
        let high = skin.positions.reduce(skin.positions[0]) { pointwiseMax($0, $1) }
        let vertices = 34962
        let count = skin.positions.count
        var attributes: [String: Int] = [:]
        attributes["POSITION"] = addArray(
            .float, "VEC3", count, bytes(skin.positions) { $0.append(point: $1) }, target: vertices,
            bounds: ([low.x, low.y, low.z], [high.x, high.y, high.z]))
        attributes["NORMAL"] = addArray(
            .float, "VEC3", count, bytes(skin.normals) { $0.append(point: $1) }, target: vertices)
        attributes["JOINTS_0"] = addArray(
            .byte, "VEC4", count, bytes(skin.joints) { bytes, four in (0..<4).forEach { bytes.append(four[$0]) } },
            target: vertices)
        attributes["WEIGHTS_0"] = addArray(
            .float, "VEC4", count,
            bytes(skin.weights) { bytes, four in (0..<4).forEach { bytes.append(float: four[$0]) } }, target: vertices)
        let indices = addArray(
            .integer, "SCALAR", skin.triangles.count, bytes(skin.triangles) { $0.append(littleEndian: $1) },
            target: 34963)
        // Column-major: a shift back by where the joint is at rest.
        let matrices = rig.restPlaces.flatMap { place -> [Float] in
            [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -Float(place.x), -Float(place.y), -Float(place.z), 1]
        }
        let binding = addArray(.float, "MAT4", joints.count, bytes(matrices) { $0.append(float: $1) })
        let color = PersonColor.of(track)
        let material = document.materials?.count ?? 0
        document.materials =
            (document.materials ?? []) + [
                .init(
                    name: "person \(track)",
                    pbrMetallicRoughness: .init(
                        baseColorFactor: [color.x, color.y, color.z].map { pow($0, 2.2) } + [1]))
            ]
        document.meshes =
            (document.meshes ?? []) + [
                .init(
                    name: "body \(track)",
                    primitives: [.init(attributes: attributes, indices: indices, material: material)])
            ]
        document.skins =
            (document.skins ?? []) + [
                .init(name: "person \(track)", inverseBindMatrices: binding, joints: joints, skeleton: joints[0])
            ]
    }

    /// The person's animation: one view of the times, the root's places and each joint's rotations.
    private mutating func addMovement(_ track: UInt32, frames: ClosedRange<Int>, person: Int, joints: [Int]) {
        let (count, source, times) = (frames.count, source, times)
        let view = addView(byteCount: count * (4 + 12 + 16 * joints.count)) {
            let motion = try source.motion(of: track)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(count * (4 + 12 + 16 * joints.count))
            for time in times[frames] { bytes.append(float: time) }
            var turns = [[SIMD4<Float>]](repeating: [], count: joints.count)
            motion.forEachFrame { frame in
                bytes.append(point: SIMD3<Float>(frame.root))
                for (joint, turn) in frame.turns.enumerated() {
                    var q = SIMD4<Float>(turn.quaternion)
                    // Of a rotation's two quaternions the one nearer to the last: readers go straight between them.
                    if let last = turns[joint].last, (last * q).sum() < 0 { q = -q }
                    turns[joint].append(q)
                }
            }
            for joint in turns { for q in joint { (0..<4).forEach { bytes.append(float: q[$0]) } } }
            return bytes
        }
        func accessor(_ type: String, offset: Int) -> Int {
            accessors.append(
                .init(
                    bufferView: view, byteOffset: offset, componentType: Component.float.rawValue, count: count,
                    type: type))
            return accessors.count - 1
        }
        let input = accessor("SCALAR", offset: 0)
        (accessors[input].min, accessors[input].max) = ([times[frames.lowerBound]], [times[frames.upperBound]])
        addChannel(joints[0], "translation", input: input, output: accessor("VEC3", offset: 4 * count))
        for (place, joint) in joints.enumerated() {
            addChannel(
                joint, "rotation", input: input, output: accessor("VEC4", offset: 16 * count * (place + 1)))
        }
        addPresence(frames, person: person)
    }

    /// Somebody who is not there the whole time has no size before and after.
    private mutating func addPresence(_ frames: ClosedRange<Int>, person: Int) {
        var keys: [(time: Float, size: Float)] = []
        if frames.lowerBound > 0 { keys = [(times[0], 0)] }
        keys.append((times[frames.lowerBound], 1))
        if frames.upperBound + 1 < times.count { keys.append((times[frames.upperBound + 1], 0)) }
        guard keys.count > 1 else { return }
        var (moments, sizes): ([UInt8], [UInt8]) = ([], [])
        for key in keys {
            moments.append(float: key.time)
            sizes.append(point: SIMD3(repeating: key.size))
        }
        let input = addArray(
            .float, "SCALAR", keys.count, moments, bounds: ([keys[0].time], [keys[keys.count - 1].time]))
        addChannel(
            person, "scale", input: input, output: addArray(.float, "VEC3", keys.count, sizes), interpolation: "STEP")
    }

    private mutating func addChannel(
        _ node: Int, _ path: String, input: Int, output: Int, interpolation: String = "LINEAR"
    ) {
        animation.channels.append(
            .init(sampler: animation.samplers.count, target: .init(node: node, path: path)))
        animation.samplers.append(.init(input: input, output: output, interpolation: interpolation))
    }

    /// The camera that took the pictures, where it stood, if that is known.
    private mutating func addCamera() {
        guard let camera = source.camera else { return }
        document.cameras = [
            .init(
                perspective: .init(
                    aspectRatio: Float(camera.width) / Float(camera.height),
                    yfov: Float(2 * atan(Double(camera.height) / 2 / camera.focalLength))))
        ]
        // A glTF camera looks along -z, y up: half a turn about x from ours.
        let turn = camera.pose.rotation * Rotation(exp: SIMD3(.pi, 0, 0))
        roots.append(
            append(
                .init(
                    name: "camera", translation: numbers(camera.pose.translation), rotation: quaternion(turn), camera: 0
                )))
    }

    // MARK: - Arrays

    private enum Component: Int {
        case byte = 5121
        case integer = 5125
        case float = 5126
    }

    private mutating func addArray(
        _ component: Component, _ type: String, _ count: Int, _ bytes: [UInt8], target: Int? = nil,
        bounds: ([Float], [Float])? = nil
    ) -> Int {
        let view = addView(byteCount: bytes.count, target: target) { bytes }
        accessors.append(
            .init(
                bufferView: view, componentType: component.rawValue, count: count, type: type, min: bounds?.0,
                max: bounds?.1))
        return accessors.count - 1
    }

    private mutating func addView(byteCount: Int, target: Int? = nil, _ bytes: @escaping () throws -> [UInt8]) -> Int {
        views.append(.init(byteOffset: length, byteLength: byteCount, target: target))
        // Every view is of whole words, so the next begins at one.
        length += byteCount
        parts.append(bytes)
        return views.count - 1
    }

    private func numbers(_ point: SIMD3<Double>) -> [Float] { [Float(point.x), Float(point.y), Float(point.z)] }

    private func quaternion(_ rotation: Rotation) -> [Float] {
        let q = SIMD4<Float>(rotation.quaternion)
        return [q.x, q.y, q.z, q.w]
    }
}
