internal import Foundation

/// The numbers of `Fixtures/blazepose/golden.json`, made by the script beside it.
struct Golden: Decodable {
    struct Anchors: Decodable {
        var count: Int
        var first: [Float]
        var at1600: [Float]
        var last: [Float]
        var sum: [Double]
    }
    struct Detection: Decodable {
        var score: Float
        var corners: [Float]
        var points: [Float]
    }
    struct Landmarks: Decodable {
        var pixels: [[Float]]
        var depth: [Float]
        var visibility: [Float]
        var presence: [Float]
        var metres: [[Float]]
    }
    struct Crop: Decodable {
        var region: [Float]
        var border: String
        var pixels: [Float]
    }
    struct Crops: Decodable {
        var image: [UInt8]
        var crops: [Crop]
    }
    struct Filter: Decodable {
        var raw: [Float]
        var filtered: [Float]
    }

    var anchors: Anchors
    var detections: [Detection]
    var region: [Float]
    var landmarks: Landmarks
    var crops: Crops
    var filter: Filter

    static func load() throws -> Golden {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let url = tests.appendingPathComponent("Fixtures/blazepose/golden.json")
        return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
    }

    /// The same numbers in 0 ..< 1 as the script's `noise`.
    static func noise(_ count: Int, seed: UInt64) -> [Float] {
        (0..<UInt64(count)).map { index in
            var value = ((index + seed * 1_000_003) &* 2_654_435_761) & 0xFFFF_FFFF
            value ^= value >> 15
            value = (value &* 2_246_822_519) & 0xFFFF_FFFF
            value ^= value >> 13
            return Float(value >> 8) / Float(1 << 24)
        }
    }
}

func isClose(_ first: Float, _ second: Float, _ tolerance: Float) -> Bool {
    abs(first - second) <= tolerance
}
