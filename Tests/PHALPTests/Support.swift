import Checkpoints
import Foundation
import Tensor
import Weights

/// The small folder, what phalp_reference.py made of it, and the numbers that both began with.
enum Fixture {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fixtures/phalp").standardizedFileURL

    /// The mesh's size there.
    static let (rings, segments) = (24, 28)

    static func golden(_ name: String) throws -> StoredArray {
        try NumpyArchive(contentsOf: folder.appending(path: "golden.npz")).array(name)
    }

    static func tensor(_ name: String) throws -> Tensor {
        let array = try golden(name)
        return try Tensor(floats: array.floats(), shape: array.shape)
    }

    /// Numbers of mean 0 and deviation 1, as `noise` in make_folder.py has them.
    static func noise(_ name: String, _ count: Int) -> [Float] {
        let seed = UInt64(crc32(Array(name.utf8))) &* 0x9E37_79B9_7F4A_7C15
        return (0..<UInt64(count)).map { place in
            var z = seed &+ place &* 0xD134_2543_DE82_EF95
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            z ^= z >> 31
            return Float((Double(z >> 11) / 0x1p53 - 0.5) * 12.0.squareRoot())
        }
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(0xffff_ffff as UInt32) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ 0xedb8_8320 : rest >> 1 }
        }
    }

    /// As `crops` in phalp_reference.py: (count, 4, 256, 256).
    static func crops(_ count: Int) throws -> Tensor {
        try Tensor(
            floats: maskedNoise("crops", count, scale: 1, mask: { $0 > -1 ? 255 : 0 }), shape: [count, 4, 256, 256])
    }

    /// As `textures` in phalp_reference.py: (4, 256, 256) each.
    static func textures(_ count: Int) throws -> [Tensor] {
        let size = 256 * 256
        var values = maskedNoise("textures", count, scale: 0.2, mask: { $0 > -0.1 ? 1 : -1 })
        for texture in 0..<count {
            for texel in 0..<size where values[(texture * 4 + 3) * size + texel] < 0 {
                for channel in 0..<3 { values[(texture * 4 + channel) * size + texel] = 0 }
            }
        }
        return try (0..<count).map { index in
            try Tensor(floats: Array(values[(index * 4 * size)..<((index + 1) * 4 * size)]), shape: [4, 256, 256])
        }
    }

    private static func maskedNoise(
        _ name: String, _ count: Int, scale: Float, mask: (Float) -> Float
    ) -> [Float] {
        noise(name, count * 4 * 65536).enumerated().map { place, value in
            place / 65536 % 4 == 3 ? mask(value * scale) : value * scale
        }
    }

    /// The folder with the texture's map in a place of its own, which `change` may alter; removed afterwards.
    static func withFolder<Result>(
        _ change: (URL) throws -> Void = { _ in }, _ body: (PHALPFolder) throws -> Result
    ) throws -> Result {
        let place = FileManager.default.temporaryDirectory.appending(path: "phalp-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: folder.appending(path: "tiny"), to: place)
        defer { try? FileManager.default.removeItem(at: place) }
        let map = atlas()
        try write(map.faces, "<i8", [256, 256], to: place.appending(path: "3D/fmap_256.npy"))
        try write(map.weights, "<f4", [256, 256, 3], to: place.appending(path: "3D/bmap_256.npy"))
        try change(place)
        return try body(PHALPFolder(place))
    }

    /// Replaces a file in a folder by another.
    static func replace(_ file: String, in place: URL, by other: URL) throws {
        try FileManager.default.removeItem(at: place.appending(path: file))
        try FileManager.default.copyItem(at: other, to: place.appending(path: file))
    }

    /// Writes other bytes of the same length over all that are equal to `old` in a checkpoint's pickle, whose checksum is
    /// made right again: what is then read is another checkpoint and not a damaged one.
    static func rewrite(_ old: String, _ new: String, in url: URL) throws {
        var data = try Data(contentsOf: url)
        func number(_ place: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) { $0 | Int(data[place + $1]) << (8 * $1) }
        }
        // The pickle is the archive's first member: its header of 30 bytes, its name, what is in between, and it.
        let start = 30 + number(26, 2) + number(28, 2)
        let pickle = start..<(start + number(22, 4))
        let before = withUnsafeBytes(of: crc32([UInt8](data[pickle])).littleEndian) { Data($0) }
        while let place = data.range(of: Data(old.utf8), in: pickle) {
            data.replaceSubrange(place, with: Data(new.utf8))
        }
        let after = withUnsafeBytes(of: crc32([UInt8](data[pickle])).littleEndian) { Data($0) }
        while before != after, let place = data.range(of: before) { data.replaceSubrange(place, with: after) }
        try data.write(to: url)
    }

    /// As `atlas` in make_folder.py.
    static func atlas() -> (faces: [Int64], weights: [Float]) {
        var faces: [Int64] = []
        var weights: [Float] = []
        for row in 0..<256 {
            for column in 0..<256 {
                let u = (Double(column) - 7.5) * Double(segments) / 240
                let v = (Double(row) - 7.5) * Double(rings - 1) / 240
                guard u >= 0, v >= 0, u < Double(segments), v < Double(rings - 1) else {
                    faces.append(-1)
                    weights += [0, 0, 0]
                    continue
                }
                let (s, r) = (u.rounded(.down), v.rounded(.down))
                let (fu, fv) = (u - s, v - r)
                let isFirst = fu + fv <= 1
                faces.append(Int64(s) * Int64(2 * rings) + 2 + 2 * Int64(r) + (isFirst ? 0 : 1))
                weights += (isFirst ? [1 - fu - fv, fu, fv] : [1 - fv, fu + fv - 1, 1 - fu]).map { Float($0) }
            }
        }
        return (faces, weights)
    }

    static func write<Value: BitwiseCopyable>(
        _ values: [Value], _ type: String, _ shape: [Int], to url: URL
    ) throws {
        let sizes = shape.map { "\($0), " }.joined()
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }"
        header += String(repeating: " ", count: 63 - (header.utf8.count + 10) % 64) + "\n"
        var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
        data += [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)] + Array(header.utf8)
        try (data + values.withUnsafeBytes { Data($0) }).write(to: url)
    }

    /// The largest difference; infinite where the counts differ.
    static func distance(_ ours: [Float], _ theirs: [Float]) -> Float {
        guard ours.count == theirs.count else { return .infinity }
        return zip(ours, theirs).map { abs($0 - $1) }.max() ?? 0
    }

    /// Every so many entries of the last two dimensions, which are 256 × 256.
    static func thinned(_ values: [Float], every step: Int) -> [Float] {
        values.indices.filter { $0 % 256 % step == 0 && $0 / 256 % 256 % step == 0 }.map { values[$0] }
    }
}
