/// A tensor of a TFLite graph: constants have data in the file, the others are computed.
public struct TFLiteTensor: Sendable {
    /// How elements are stored.
    public struct ElementType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The schema's number.
        public let rawValue: Int8

        /// A type by the schema's number.
        public init(rawValue: Int8) { self.rawValue = rawValue }

        /// 32-bit floating point.
        public static let float32 = Self(rawValue: 0)
        /// 16-bit floating point.
        public static let float16 = Self(rawValue: 1)
        /// Signed 32-bit integers.
        public static let int32 = Self(rawValue: 2)
        /// Unsigned 8-bit integers.
        public static let uint8 = Self(rawValue: 3)
        /// Signed 64-bit integers.
        public static let int64 = Self(rawValue: 4)
        /// Signed 8-bit integers.
        public static let int8 = Self(rawValue: 9)

        /// Bytes of one element; nil for types that are not read.
        public var byteCount: Int? {
            switch self {
            case .uint8, .int8: 1
            case .float16: 2
            case .float32, .int32: 4
            case .int64: 8
            default: nil
            }
        }

        /// The schema's name, or its number.
        public var description: String {
            switch self {
            case .float32: "FLOAT32"
            case .float16: "FLOAT16"
            case .int32: "INT32"
            case .uint8: "UINT8"
            case .int64: "INT64"
            case .int8: "INT8"
            default: "type \(rawValue)"
            }
        }
    }

    /// Its place in the graph.
    public let index: Int
    /// Its name in the file, not always unique.
    public let name: String
    /// Its sizes as the file gives them, batch included. Every size is at least 1 and their product fits an Int.
    public let shape: [Int]
    /// How its elements are stored.
    public let type: ElementType
    /// Its elements, where it is a constant.
    public let data: FileSlice?
    /// How `data` leaves out zeros, where it does.
    public let sparsity: TFLiteSparsity?

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// Tensors of more elements are refused: a few bytes of a sparse tensor can claim any size.
    static let maximumCount = 1 << 28

    init(index: Int, _ table: FlatTable, buffers: [FlatTable]) throws(CheckpointError) {
        let file = table.buffer.file
        self.index = index
        name = try table.text(3) ?? ""
        let label = "tensor \(index) \"\(name)\""
        shape = try table.integers(0, of: Int32.self, limit: 8, "dimensions of \(label)") ?? []
        var count = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard size > 0, !overflow, product <= Self.maximumCount else {
                throw CheckpointError(file: file.name, .malformed, "\(label) has an impossible shape \(shape)")
            }
            count = product
        }
        type = ElementType(rawValue: try table.integer(1, default: Int8(0)))
        if let table = try table.table(6) {
            sparsity = try TFLiteSparsity(table, label: label)
        } else {
            sparsity = nil
        }
        data = try Self.data(of: table, buffers: buffers, label: label)
        if let data, sparsity == nil, let size = type.byteCount, data.count != count * size {
            throw CheckpointError(
                file: file.name, .malformed,
                "\(label) has \(data.count) bytes, and its shape \(shape) of \(type) needs \(count * size)")
        }
    }

    private static func data(of table: FlatTable, buffers: [FlatTable], label: String) throws(CheckpointError)
        -> FileSlice?
    {
        let file = table.buffer.file
        let index = Int(try table.integer(2, default: UInt32(0)))
        guard index != 0 else { return nil }
        guard buffers.indices.contains(index) else {
            throw CheckpointError(
                file: file.name, .malformed, "\(label) uses buffer \(index) and there are \(buffers.count)")
        }
        let buffer = buffers[index]
        if let bytes = try buffer.bytes(0), bytes.count > 0 { return bytes }
        // Files beyond 2 GB keep their data after the FlatBuffer, at an offset from the file's start.
        let offset = try buffer.integer(1, default: UInt64(0)), size = try buffer.integer(2, default: UInt64(0))
        guard offset > 1, size > 0 else { return nil }
        guard offset <= UInt64(file.count), size <= UInt64(file.count) - offset else {
            throw CheckpointError(file: file.name, .malformed, "the data of \(label) lie beyond the file's end")
        }
        return FileSlice(file: file, range: Int(offset)..<Int(offset + size))
    }
}
