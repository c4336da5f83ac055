import Foundation
import Tensor
import Testing

/// Against the same sums in double precision, at sizes that fill panels and blocks and at such that do not.
struct TransformerLayerTests {
    private static func noise(_ count: Int, _ seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24) * 2 - 1
        }
    }

    /// What a bfloat16 can hold, so that the comparison sees the sums and not the inputs' rounding.
    private static func coarse(_ values: [Float]) -> [Float] {
        values.map { Float(bitPattern: ($0.bitPattern &+ 0x8000) & 0xffff_0000) }
    }

    private static func gelu(_ x: Double) -> Double { 0.5 * x * (1 + erf(x / 2.0.squareRoot())) }

    @Test(
        arguments: Precision.allCases.filter { $0 != .fp16 },
        [
            (1, 2, 1), (5, 63, 70), (200, 96, 130), (7, 2600, 64), (193, 32, 31),
        ])
    func linearLayers(precision: Precision, size: (rows: Int, inputs: Int, outputs: Int)) throws {
        let (rows, inputs, outputs) = size
        let x = Self.coarse(Self.noise(rows * inputs, 1)), weight = Self.coarse(Self.noise(outputs * inputs, 2))
        let bias = Self.coarse(Self.noise(outputs, 3)), residual = Self.noise(rows * outputs, 4)
        let layer = try weight.withUnsafeBufferPointer { weight in
            try bias.withUnsafeBufferPointer { bias in
                try LinearLayer(
                    weight: weight, bias: bias, outputs: outputs, inputs: inputs, precision: precision, device: .cpu)
            }
        }
        let input = try Tensor(floats: x, shape: [rows, inputs]).to(precision.dtype)
        let plain = try layer(input).floats()
        let full = try layer(input, gelu: true, plus: Tensor(floats: residual, shape: [rows, outputs])).floats()
        let narrow = try layer(input, as: .bfloat16).floats()
        // libtorch's own bfloat16 rounds the product itself to 8 bits.
        let isExact = precision == .fp32 || Precision.automatic(on: .cpu) == .bf16 && inputs % 2 == 0
        for row in 0..<rows {
            for column in 0..<outputs {
                var sum = Double(bias[column])
                for index in 0..<inputs {
                    sum += Double(x[row * inputs + index]) * Double(weight[column * inputs + index])
                }
                let place = row * outputs + column
                let tolerance = (isExact ? 2e-5 : 1e-2) * (1 + abs(sum)) * Double(inputs).squareRoot() / 8
                #expect(abs(Double(plain[place]) - sum) < tolerance)
                #expect(abs(Double(full[place]) - Self.gelu(sum) - Double(residual[place])) < tolerance * 1.2)
                #expect(abs(Double(narrow[place]) - sum) < tolerance + abs(sum) / 200)
            }
        }
    }

    @Test(
        arguments: Precision.allCases.filter { $0 != .fp16 },
        [
            (1, 3, 1, 1, 4), (2, 50, 192, 2, 80), (1, 192, 192, 3, 64), (1, 1, 67, 2, 7),
        ])
    func attention(precision: Precision, size: (batch: Int, queries: Int, keys: Int, heads: Int, size: Int)) throws {
        let width = size.heads * size.size
        func tensor(_ tokens: Int, _ seed: UInt64) throws -> ([Float], Tensor) {
            let values = Self.coarse(Self.noise(size.batch * tokens * width, seed))
            return (values, try Tensor(floats: values, shape: [size.batch, tokens, width]).to(precision.dtype))
        }
        let (q, k, v) = (try tensor(size.queries, 1), try tensor(size.keys, 2), try tensor(size.keys, 3))
        let result = try Tensor.attention(q.1, k.1, v.1, heads: size.heads)
        #expect(result.shape == [size.batch, size.queries, width])
        let found = try result.floats()
        for batch in 0..<size.batch {
            for head in 0..<size.heads {
                for query in 0..<size.queries {
                    func place(_ token: Int, _ tokens: Int) -> Int {
                        (batch * tokens + token) * width + head * size.size
                    }
                    let scores = (0..<size.keys).map { key in
                        (0..<size.size).reduce(0.0) {
                            $0 + Double(q.0[place(query, size.queries) + $1]) * Double(k.0[place(key, size.keys) + $1])
                        } / Double(size.size).squareRoot()
                    }
                    let top = scores.max() ?? 0
                    let weights = scores.map { exp($0 - top) }
                    let total = weights.reduce(0, +)
                    for number in 0..<size.size {
                        let wanted = (0..<size.keys).reduce(0.0) {
                            $0 + weights[$1] / total * Double(v.0[place($1, size.keys) + number])
                        }
                        let seen = Double(found[place(query, size.queries) + number])
                        #expect(abs(seen - wanted) < (precision == .fp32 ? 1e-5 : 2e-2))
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 17, 64, 1280])
    func normalization(width: Int) throws {
        let rows = 37
        let x = Self.noise(rows * width, 1).map { $0 * 3 + 1 }, weight = Self.noise(width, 2),
            bias = Self.noise(width, 3)
        let layer = LayerNormalization(
            weight: try Tensor(floats: weight, shape: [width]), bias: try Tensor(floats: bias, shape: [width]),
            epsilon: 1e-6)
        let input = try Tensor(floats: x, shape: [rows, width])
        let exact = try layer(input, as: .float32).floats(), narrow = try layer(input, as: .bfloat16).floats()
        for row in 0..<rows {
            let values = x[(row * width)..<((row + 1) * width)].map(Double.init)
            let mean = values.reduce(0, +) / Double(width)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
            for column in 0..<width {
                let wanted =
                    (values[column] - mean) / (variance + 1e-6).squareRoot() * Double(weight[column])
                    + Double(bias[column])
                #expect(abs(Double(exact[row * width + column]) - wanted) < 1e-4)
                #expect(abs(Double(narrow[row * width + column]) - wanted) < 1e-4 + abs(wanted) / 200)
            }
        }
    }

    @Test func layersRefuseWhatDoesNotFit() throws {
        let layer = try [Float](repeating: 1, count: 12).withUnsafeBufferPointer {
            try LinearLayer(weight: $0, bias: nil, outputs: 3, inputs: 4, precision: .fp32, device: .cpu)
        }
        #expect(throws: TorchError.self) { try layer(try Tensor(zeros: [2, 5])) }
        #expect(throws: TorchError.self) { try layer(try Tensor(zeros: [2, 4]), plus: try Tensor(zeros: [2, 4])) }
        let tokens = try Tensor(zeros: [1, 2, 6])
        #expect(throws: TorchError.self) { try Tensor.attention(tokens, tokens, tokens, heads: 4) }
        #expect(throws: TorchError.self) {
            try Tensor.attention(tokens, try Tensor(zeros: [1, 3, 6]), tokens, heads: 2)
        }
        #expect(throws: TorchError.self) {
            try [Float](repeating: 1, count: 4).withUnsafeBufferPointer {
                try LinearLayer(weight: $0, bias: nil, outputs: 2, inputs: 2, precision: .fp16, device: .cpu)
            }
        }
    }
}
