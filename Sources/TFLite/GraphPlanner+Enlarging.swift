internal import Checkpoints
internal import Plans

/// Convolutions of enlarged images that can be computed before the image is enlarged.
extension GraphPlanner {
    /// Pointwise convolutions and bilinear resizes may change places: the one takes sums over channels, the other means of
    /// neighbours, whose weights add up to 1, so that a bias passes through unchanged. Where the resize enlarges and nothing
    /// else reads its result, the convolution then has as many pixels fewer.
    ///
    /// - Returns: For the result of each such resize, its operator.
    static func enlargements(_ model: TFLiteModel, _ steps: [TFLiteOperator], outputs: [Int]) -> [Int: TFLiteOperator] {
        var readers = [Int: Int]()
        for step in steps {
            for case let input? in step.inputs { readers[input, default: 0] += 1 }
        }
        for output in outputs { readers[output, default: 0] += 1 }
        var resizes = [Int: TFLiteOperator]()
        for step in steps where step.kind == .resizeBilinear {
            guard let image = step.inputs.first ?? nil, model.tensors[image].shape.count == 4,
                model.tensors[image].count < model.tensors[step.outputs[0]].count, readers[step.outputs[0]] == 1
            else { continue }
            resizes[step.outputs[0]] = step
        }
        let convolved = steps.filter { isPointwise(model, $0) }.compactMap { $0.inputs[0] }
        return resizes.filter { convolved.contains($0.key) }
    }

    private static func isPointwise(_ model: TFLiteModel, _ step: TFLiteOperator) -> Bool {
        guard step.kind == .conv2D, case .convolution(let window) = step.options, step.inputs.count > 1,
            let weight = step.inputs[1]
        else { return false }
        let shape = model.tensors[weight].shape
        return shape.count == 4 && shape[1] == 1 && shape[2] == 1 && window.strideHeight == 1 && window.strideWidth == 1
    }
}
