package import Checkpoints
package import Tensor

/// Makes layers of a checkpoint's tensors, one at a time: what has been copied out of the file is given back.
package struct CheckpointLayers {
    /// Where the numbers come from.
    package let tensors: TensorDictionary
    /// Where they go.
    package let device: Device
    /// What layers compute in unless they are told otherwise.
    package let precision: Precision

    /// All of it, stated.
    package init(tensors: TensorDictionary, device: Device, precision: Precision) {
        (self.tensors, self.device, self.precision) = (tensors, device, precision)
    }

    /// A tensor that must have a shape; nil stands for any size.
    ///
    /// - Throws: `CheckpointError` naming the tensor, its shape and the one that is expected.
    package func array(_ name: String, _ shape: [Int?]) throws -> StoredArray {
        try tensors.array(name, shape)
    }

    /// The numbers of a small tensor.
    package func floats(_ name: String, _ shape: [Int?]) throws -> [Float] {
        try array(name, shape).withFloats { Array($0) }
    }

    /// A 32-bit tensor on the device.
    package func tensor(_ name: String, _ shape: [Int?]) throws -> Tensor {
        let array = try array(name, shape)
        return try array.withFloats {
            try Tensor(copying: UnsafeRawBufferPointer($0), shape: array.shape, dtype: .float32).to(device)
        }
    }

    /// `NAME.weight` and, unless it has none, `NAME.bias`. Weights of more than two dimensions count as their rows.
    package func linear(
        _ name: String, outputs: Int? = nil, inputs: Int?, kernel: [Int] = [], hasBias: Bool = true,
        precision: Precision? = nil
    ) throws -> LinearLayer {
        let weight = try array("\(name).weight", [outputs, inputs] + kernel.map(Optional.some))
        guard weight.count > 0 else {
            throw CheckpointError(file: tensors.fileName, .malformed, "the tensor \(name).weight is empty")
        }
        let columns = weight.shape[0]
        let bias = hasBias ? try floats("\(name).bias", [columns]) : nil
        return try weight.withFloats { weights in
            func make(_ bias: UnsafeBufferPointer<Float>?) throws -> LinearLayer {
                try LinearLayer(
                    weight: weights, bias: bias, outputs: columns, inputs: weights.count / columns,
                    precision: precision ?? self.precision, device: device)
            }
            guard let bias else { return try make(nil) }
            return try bias.withUnsafeBufferPointer(make)
        }
    }

    package func normalization(_ name: String, width: Int, epsilon: Double) throws -> LayerNormalization {
        LayerNormalization(
            weight: try tensor("\(name).weight", [width]), bias: try tensor("\(name).bias", [width]), epsilon: epsilon)
    }

    /// How many of `PREFIX.0`, `PREFIX.1`… there are, told by a tensor that each has.
    package func depth(_ prefix: String, _ suffix: String) -> Int {
        var count = 0
        while tensors.contains("\(prefix).\(count).\(suffix)") { count += 1 }
        return count
    }
}
