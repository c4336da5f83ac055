import Foundation
import Weights

/// What smplx makes of the same numbers; `make_fixtures.py` in it says how.
let smplFixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/smpl").standardizedFileURL

/// The numbers of the script's model, computed again.
enum Numbers {
    static let vertices = 6890

    static func noise(_ seed: UInt64, _ count: Int) -> [Double] {
        (0..<UInt64(count)).map { place in
            var z = seed &* 0x9E37_79B9_7F4A_7C15 &+ place &* 0xD134_2543_DE82_EF95
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            z ^= z >> 31
            return Double(z >> 11) / 0x1p53 - 0.5
        }
    }

    static func regressor(_ seed: UInt64, _ rows: Int) -> [Float] {
        var matrix = [Float](repeating: 0, count: rows * vertices)
        for (index, value) in noise(seed, rows * 8).enumerated() {
            matrix[index / 8 * vertices + Int(((value + 0.5) * Double(vertices)).rounded(.down))] += 1 / 8
        }
        return matrix
    }

    static let file: SMPLFile = {
        let size: [Double] = [0.5, 1.7, 0.3]
        var weights = noise(5, vertices * 24).map { value in
            let squared = (value + 0.5) * (value + 0.5)
            return squared * squared * squared * squared
        }
        for row in stride(from: 0, to: weights.count, by: 24) {
            let total = weights[row..<(row + 24)].reduce(0, +)
            for place in row..<(row + 24) { weights[place] /= total }
        }
        return SMPLFile(
            template: noise(1, vertices * 3).enumerated().map { Float($1 * size[$0 % 3]) },
            shapeDirections: noise(2, vertices * 30).map { Float($0 * 0.05) },
            poseDirections: noise(3, vertices * 3 * 207).map { Float($0 * 0.02) },
            jointRegressor: regressor(4, 24), skinningWeights: weights.map { Float($0) },
            parents: [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21],
            faces: [0, 1, 2])
    }()

    /// The same with the strongest four joints of each vertex alone, as published files are.
    static let fourJointsAVertex: SMPLFile = {
        var weights = file.skinningWeights
        for row in stride(from: 0, to: weights.count, by: 24) {
            let fourth = weights[row..<(row + 24)].sorted(by: >)[3]
            for place in row..<(row + 24) where weights[place] < fourth { weights[place] = 0 }
            let total = weights[row..<(row + 24)].reduce(0, +)
            for place in row..<(row + 24) { weights[place] /= total }
        }
        return file.with(skinningWeights: weights)
    }()
}

extension SMPLFile {
    /// The same with other weights.
    func with(skinningWeights: [Float]) -> SMPLFile {
        SMPLFile(
            template: template, shapeDirections: shapeDirections, poseDirections: poseDirections,
            jointRegressor: jointRegressor, skinningWeights: skinningWeights, parents: parents, faces: faces)
    }
}
