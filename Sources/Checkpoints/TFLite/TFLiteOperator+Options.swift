extension TFLiteOperator {
    /// What follows an operator's own result, by the schema's number.
    public enum Activation: Int8, Sendable {
        /// Nothing.
        case none = 0
        /// max(0, x).
        case relu = 1
        /// x limited to -1 ... 1.
        case reluN1To1 = 2
        /// x limited to 0 ... 6.
        case relu6 = 3
        /// Hyperbolic tangent.
        case tanh = 4
        /// The sign bit.
        case signBit = 5
    }

    /// What lies beyond the edges of an image.
    public enum Padding: Int8, Sendable {
        /// Zeros, so many that an output pixel stands for every `stride` input pixels; an odd one goes below and right.
        case same = 0
        /// Nothing: windows stay within the image.
        case valid = 1
    }

    /// A window that moves over an image.
    public struct Window: Sendable {
        /// What lies beyond the edges.
        public var padding: Padding
        /// Pixels from one output to the next, vertically.
        public var strideHeight: Int
        /// Pixels from one output to the next, horizontally.
        public var strideWidth: Int
        /// Pixels from one weight to the next, vertically.
        public var dilationHeight = 1
        /// Pixels from one weight to the next, horizontally.
        public var dilationWidth = 1
        /// What follows.
        public var activation: Activation
    }

    /// The options of the operators that are supported; the others have none here.
    public enum Options: Sendable {
        /// No options, or none that are read.
        case none
        /// ADD.
        case add(Activation)
        /// CONCATENATION; a negative axis counts from the end.
        case concatenation(axis: Int, Activation)
        /// CONV_2D.
        case convolution(Window)
        /// DEPTHWISE_CONV_2D.
        case depthwiseConvolution(Window, multiplier: Int)
        /// DEPTH_TO_SPACE.
        case depthToSpace(block: Int)
        /// MAX_POOL_2D.
        case pool(Window, height: Int, width: Int)
        /// RESIZE_BILINEAR.
        case resize(alignCorners: Bool, halfPixelCenters: Bool)
    }
}

extension TFLiteOperator.Options {
    typealias Kind = TFLiteOperator.Kind

    /// Options by the schema's fields. `type` is the schema's number of the options' own kind, which must be the
    /// operator's.
    init(_ kind: Kind, type: UInt8, _ table: FlatTable?, label: String, file: String) throws(CheckpointError) {
        guard kind.customName == nil, let expected = Self.types[kind] else {
            self = .none
            return
        }
        guard let table, type == expected else {
            throw CheckpointError(file: file, .malformed, "\(label) lacks its options")
        }
        switch kind {
        case .add:
            self = .add(try Self.activation(table, 0, label))
        case .concatenation:
            self = .concatenation(
                axis: Int(try table.integer(0, default: Int32(0))), try Self.activation(table, 1, label))
        case .conv2D:
            self = .convolution(try Self.window(table, activation: 3, dilation: 4, label))
        case .depthwiseConv2D:
            let window = try Self.window(table, activation: 4, dilation: 5, label)
            self = .depthwiseConvolution(window, multiplier: Int(try table.integer(3, default: Int32(0))))
        case .depthToSpace:
            self = .depthToSpace(block: Int(try table.integer(0, default: Int32(0))))
        case .maxPool2D:
            self = .pool(
                try Self.window(table, activation: 5, dilation: nil, label),
                height: try Self.positive(table, 4, "window height", label),
                width: try Self.positive(table, 3, "window width", label))
        case .resizeBilinear:
            self = .resize(alignCorners: try table.flag(2), halfPixelCenters: try table.flag(3))
        default:
            self = .none
        }
    }

    /// The schema's `BuiltinOptions` of the operators whose options are read.
    private static let types: [Kind: UInt8] = [
        .conv2D: 1, .depthwiseConv2D: 2, .maxPool2D: 5, .concatenation: 10, .add: 11, .resizeBilinear: 15,
        .depthToSpace: 94,
    ]

    private static func activation(_ table: FlatTable, _ field: Int, _ label: String) throws(CheckpointError)
        -> TFLiteOperator.Activation
    {
        let number = try table.integer(field, default: Int8(0))
        guard let activation = TFLiteOperator.Activation(rawValue: number) else {
            throw table.buffer.error("\(label) has an unknown activation \(number)")
        }
        return activation
    }

    private static func positive(
        _ table: FlatTable, _ field: Int, default value: Int32 = 0, _ meaning: String, _ label: String
    ) throws(CheckpointError) -> Int {
        let number = try table.integer(field, default: value)
        guard number > 0, number <= 65_536 else { throw table.buffer.error("\(label) has a \(meaning) of \(number)") }
        return Int(number)
    }

    /// Fields 0 to 2 are the same for all windows: padding, stride width, stride height.
    private static func window(_ table: FlatTable, activation: Int, dilation: Int?, _ label: String)
        throws(CheckpointError) -> TFLiteOperator.Window
    {
        let number = try table.integer(0, default: Int8(0))
        guard let padding = TFLiteOperator.Padding(rawValue: number) else {
            throw table.buffer.error("\(label) has an unknown padding \(number)")
        }
        var window = TFLiteOperator.Window(
            padding: padding, strideHeight: try positive(table, 2, "vertical stride", label),
            strideWidth: try positive(table, 1, "horizontal stride", label),
            activation: try Self.activation(table, activation, label))
        if let dilation {
            window.dilationWidth = try positive(table, dilation, default: 1, "horizontal dilation", label)
            window.dilationHeight = try positive(table, dilation + 1, default: 1, "vertical dilation", label)
        }
        return window
    }
}
